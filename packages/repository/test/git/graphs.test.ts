import type { ObjectFilter } from "@millrace/pack";
import { createMemoryStorage } from "@millrace/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createObjectCaches,
  enumerateObjects,
  openRepository,
  planFilter,
  type Repository,
  type RepositoryView,
} from "../../src/index.ts";
import { packOf, receiveAll, withoutGraphs, withView } from "./memory-repository.ts";
import { createGitRepository, fastImportStream, type GitRepository } from "./real-git.ts";
import { objectsOf } from "./upload-pack-oracle.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 3, maxLength: 40 });

/** How a repository came to its packs. */
interface Growth {
  /** Commits of each push, as shares of the history. */
  readonly steps: readonly number[];
  /** Whether a push's pack also brings what is there already. */
  readonly overlaps: readonly boolean[];
  /** Whether graphs were built behind each push: later packs go without. */
  readonly graphs: readonly boolean[];
}

const growths: fc.Arbitrary<Growth> = fc.integer({ min: 1, max: 4 }).chain((pushes) => {
  const each = { minLength: pushes, maxLength: pushes };
  return fc.record({
    steps: fc.array(fc.integer({ min: 1, max: 10 }), each),
    overlaps: fc.array(fc.boolean(), each),
    graphs: fc.array(fc.boolean(), each),
  });
});

/** A request, its objects picked by number. */
interface Asked {
  readonly wants: readonly number[];
  readonly haves: readonly number[];
  readonly shallow: readonly number[];
  readonly filter: ObjectFilter | undefined;
  readonly excludeHaveTrees: boolean;
}

const numbers = (most: number): fc.Arbitrary<number[]> => fc.array(fc.nat(), { maxLength: most });
const asked: fc.Arbitrary<Asked> = fc.record({
  wants: fc.oneof(numbers(3), fc.constant([-1])),
  haves: fc.oneof(fc.constant([]), numbers(3)),
  shallow: fc.oneof(fc.constant([]), numbers(2)),
  excludeHaveTrees: fc.boolean(),
  filter: fc.oneof(
    fc.constant(undefined),
    fc.constant<ObjectFilter>({ kind: "blob:none" }),
    fc.integer({ min: 0, max: 700 }).map((bytes): ObjectFilter => ({ kind: "blob:limit", bytes })),
    fc.integer({ min: 0, max: 4 }).map((depth): ObjectFilter => ({ kind: "tree", depth })),
    fc
      .constantFrom("blob", "tree", "commit", "tag")
      .map((type): ObjectFilter => ({ kind: "object:type", type })),
  ),
});

/** Brings a history in, push by push. */
async function grow(
  source: GitRepository,
  { steps, overlaps, graphs }: Growth,
  withGraphs: boolean,
): Promise<Repository> {
  const store = await createMemoryStorage().create("grown.git");
  const repository = openRepository(store);
  const receiving = openRepository(withoutGraphs(store), { caches: createObjectCaches({ graphBytes: 0 }) });
  const commits = source.text(["rev-list", "--reverse", "--topo-order", "--all"]).split("\n");
  const total = steps.reduce((sum, step) => sum + step, 0);
  let there: string[] = [];
  for (let i = 0, sum = 0; i < steps.length; i++) {
    sum += steps[i]!;
    const isLast = i === steps.length - 1;
    const some = commits.slice(0, Math.ceil((commits.length * sum) / total));
    const refs = source.text(["for-each-ref", "--format=%(objectname)"]).split("\n");
    const tips = isLast ? [...some, ...refs] : some;
    const lines = [...tips, ...(overlaps[i] ? [] : there.map((oid) => `^${oid}`))].join("\n");
    const flags = overlaps[i] ? [] : ["--thin", "--delta-base-offset"];
    const pack = source.run(["pack-objects", "--revs", "--stdout", "-q", ...flags], `${lines}\n`);
    const commands = [...new Set(tips)].map((oid) => ({
      name: `refs/x/${oid}`,
      old: there.includes(oid) ? oid : null,
      new: oid,
    }));
    await receiveAll(receiving, commands, pack);
    there = some;
    if (withGraphs && (graphs[i] || i === 0)) await repository.buildGraphs();
  }
  return repository;
}

async function enumerate(view: RepositoryView, all: readonly string[], request: Asked): Promise<string[]> {
  const pick = (list: readonly number[], from: readonly string[]): string[] =>
    list.map((number) => from[number % from.length]!);
  const commits = all.filter((line) => line.endsWith(" commit")).map((line) => line.slice(0, 40));
  const oids = all.map((line) => line.slice(0, 40));
  const { filter } = request;
  const { table, numbers } = await enumerateObjects(await view.objects(), {
    wants: request.wants[0] === -1 ? oids : pick(request.wants, oids),
    haves: pick(request.haves, oids),
    shallow: pick(request.shallow, commits),
    excludeHaveTrees: request.excludeHaveTrees,
    filter: filter === undefined ? undefined : await planFilter(filter, () => Promise.reject(new Error())),
  });
  expect(new Set(numbers).size).toBe(numbers.length);
  return Array.from(numbers, (number) => table.oidAt(number)).toSorted();
}

function makeSource(shape: readonly number[]): GitRepository {
  const source = createGitRepository();
  source.run(["fast-import", "--quiet"], fastImportStream(shape));
  source.run(["fast-import", "--quiet"], wideHistory(shape));
  source.run(
    ["tag", "-a", "-m", "of a tree", "tree", "b0^{tree}"].map((arg) => arg.replace("b0", headOf(source))),
  );
  source.run(["tag", "-a", "-m", "of a tag", "again", "tree"]);
  return source;
}

/** Two directories of many files, of which each commit changes one: trees that git stores as deltas. */
function wideHistory(shape: readonly number[]): string {
  const lines: string[] = [];
  const put = (path: string, text: string): void =>
    void lines.push(`M 100644 inline ${path}`, `data ${text.length}`, text);
  for (const [i, seed] of shape.entries()) {
    lines.push(`commit refs/heads/wide${seed % 2}`, "committer C <c@example.com>", "data 0");
    lines[lines.length - 2] += ` ${1_600_000_000 + 10 * i} +0000`;
    if (i < 2 || seed % 2 === 1) for (let file = 0; file < 40; file++) put(`wide/file${file}`, `${file}`);
    put(`wide/file${seed % 50}`, `${seed}`);
    if (seed % 3 === 0) lines.push(`D wide/file${seed % 40}`);
    for (let file = 0; file < (i === 0 ? 40 : 1); file++)
      put(`wide/below/f${(seed + file) % 60}`, `${seed % 9}`);
  }
  return `${lines.join("\n")}\ndone\n`;
}

function headOf(source: GitRepository): string {
  return source.text(["for-each-ref", "--format=%(refname)", "refs/heads"]).split("\n")[0]!;
}

describe("graphs", () => {
  it("change nothing about what is found, however the packs lie and whichever of them have one", {
    timeout: 600_000,
  }, async () => {
    let treesByBase = 0;
    await fc.assert(
      fc.asyncProperty(
        shapes,
        growths,
        fc.array(asked, { minLength: 8, maxLength: 8 }),
        async (shape, growth, requests) => {
          const source = makeSource(shape);
          try {
            const reachable = source.text(["rev-list", "--objects", "--no-object-names", "--all"]);
            const all = source
              .text(["cat-file", "--batch-check=%(objectname) %(objecttype)"], `${reachable}\n`)
              .split("\n");
            const graphed = await grow(source, growth, true);
            const plain = await grow(source, growth, false);
            await withView(graphed, async (view) => {
              const graphs = await (await view.objects()).graphs();
              expect(graphs).toBeDefined();
              for (const { graph } of graphs?.members ?? []) {
                for (let node = 0; node < graph.count; node++) if (graph.treeBase(node) >= 0) treesByBase++;
              }
              await withView(plain, async (plainView) => {
                expect(await (await plainView.objects()).graphs()).toBeUndefined();
                for (const request of requests) {
                  expect(await enumerate(view, all, request)).toEqual(
                    await enumerate(plainView, all, request),
                  );
                }
              });
              const tips = source.text(["for-each-ref", "--format=%(objectname)"]).split("\n");
              for (const wants of [tips, [tips[0]!]]) {
                const listed = source
                  .text(["rev-list", "--objects", "--no-object-names", ...wants])
                  .split("\n");
                expect(await objectsOf(await packOf(view, { wants }))).toEqual(listed.toSorted());
              }
            });
          } finally {
            source.remove();
          }
        },
      ),
      { numRuns: 25 },
    );
    expect(treesByBase).toBeGreaterThan(100);
  });
});

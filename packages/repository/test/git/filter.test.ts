import { type ObjectFilter, formatObjectFilter } from "@millrace/pack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Repository } from "../../src/index.ts";
import { copyToMemory, packOf, withView } from "./memory-repository.ts";
import { type GitRepository, createGitRepository, fastImportStream } from "./real-git.ts";
import { askUploadPack, objectsOf } from "./upload-pack-oracle.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 2, maxLength: 30 });

const plain: fc.Arbitrary<ObjectFilter> = fc.oneof(
  fc.constant<ObjectFilter>({ kind: "blob:none" }),
  fc.integer({ min: 0, max: 700 }).map((bytes): ObjectFilter => ({ kind: "blob:limit", bytes })),
  fc
    .constantFrom("blob", "tree", "commit", "tag")
    .map((type): ObjectFilter => ({ kind: "object:type", type })),
);
const placed: fc.Arbitrary<ObjectFilter> = fc.oneof(
  fc.integer({ min: 0, max: 4 }).map((depth): ObjectFilter => ({ kind: "tree", depth })),
  fc.constant<ObjectFilter>({ kind: "sparse:oid", blob: "refs/tags/patterns" }),
);
const filters = fc.oneof(plain, placed);

const segments = fc.constantFrom("d0", "d*", "e1", "e[!0]", "f2", "f?", "**", "*", "top*", "d1*");
const lines = fc
  .tuple(
    fc.constantFrom("", "!"),
    fc.constantFrom("", "/"),
    fc.array(segments, { minLength: 1, maxLength: 3 }),
  )
  .map(([bang, slash, parts]) => `${bang}${slash}${parts.join("/")}`)
  .chain((line) => fc.constantFrom(line, `${line}/`));
const patterns = fc
  .array(lines, { minLength: 1, maxLength: 4 })
  .map((list) => `# chosen\n${list.join("\n")}\n`);

interface Subject {
  readonly source: GitRepository;
  readonly repository: Repository;
}

async function withSubject(
  shape: readonly number[],
  sparse: string,
  fn: (subject: Subject) => Promise<void>,
): Promise<void> {
  const source = createGitRepository();
  try {
    source.run(["fast-import", "--quiet"], fastImportStream(shape));
    const blob = source.text(["hash-object", "-w", "--stdin"], sparse);
    source.run(["update-ref", "refs/tags/patterns", blob]);
    await fn({ source, repository: await copyToMemory(source) });
  } finally {
    source.remove();
  }
}

interface Asked {
  readonly wants: readonly string[];
  readonly haves?: readonly string[];
  readonly filter?: ObjectFilter;
}

async function fetchFromUs({ repository }: Subject, asked: Asked): Promise<string[]> {
  return withView(repository, async (view) => {
    const { wants, haves = [], filter } = asked;
    return objectsOf(await packOf(view, { wants, haves, filter }));
  });
}

function fetchFromGit({ source }: Subject, { wants, haves, filter }: Asked): Promise<string[]> {
  const lines = filter === undefined ? [] : [`filter ${formatObjectFilter(filter)}`];
  const { pack, error } = askUploadPack(source, { wants, haves, lines });
  if (error !== undefined) throw new Error(error);
  return objectsOf(pack);
}

function missingFrom(some: readonly string[], all: readonly string[]): string[] {
  const set = new Set(all);
  return some.filter((oid) => !set.has(oid));
}

function tipsOf({ source }: Subject): string[] {
  return source.text(["for-each-ref", "--format=%(objectname)", "refs/heads", "refs/tags/t*"]).split("\n");
}

describe("filters", () => {
  it("send what git upload-pack sends", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(shapes, patterns, filters, fc.nat(), async (shape, sparse, filter, a) => {
        await withSubject(shape, sparse, async (subject) => {
          const tips = tipsOf(subject);
          const asked = { wants: [tips[a % tips.length]!, tips[0]!], filter };
          expect(await fetchFromUs(subject, asked)).toEqual(await fetchFromGit(subject, asked));
        });
      }),
      { numRuns: 40 },
    );
  });

  it("send trees and blobs that are wanted by id, and what git sends below them", {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(shapes, patterns, filters, fc.nat(), async (shape, sparse, filter, a) => {
        await withSubject(shape, sparse, async (subject) => {
          const objects = subject.source
            .text(["rev-list", "--objects", "--no-object-names", "--branches", "--filter=tree:9"])
            .split("\n");
          const asked = { wants: [objects[a % objects.length]!], filter };
          expect(await fetchFromUs(subject, asked)).toEqual(await fetchFromGit(subject, asked));
        });
      }),
      { numRuns: 20 },
    );
  });

  it("leave out, combined, what any part leaves out", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(shapes, patterns, plain, placed, plain, async (shape, sparse, a, b, c) => {
        await withSubject(shape, sparse, async (subject) => {
          const wants = tipsOf(subject);
          const filter: ObjectFilter = {
            kind: "combine",
            filters: [a, { kind: "combine", filters: [b, c] }],
          };
          const parts: ReadonlySet<string>[] = [];
          for (const part of [a, b, c])
            parts.push(new Set(await fetchFromGit(subject, { wants, filter: part })));
          const inAll = [...parts[0]!].filter((oid) => parts.every((set) => set.has(oid)));
          expect(await fetchFromUs(subject, { wants, filter })).toEqual(inAll.toSorted());
        });
      }),
      { numRuns: 15 },
    );
  });

  it("send no less than git to a client that has something, and nothing that the filter refuses", {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(shapes, patterns, filters, fc.nat(), fc.nat(), async (shape, sparse, filter, a, b) => {
        await withSubject(shape, sparse, async (subject) => {
          const commits = subject.source.text(["rev-list", "--branches"]).split("\n");
          const wants = [commits[a % commits.length]!];
          const haves = [commits[b % commits.length]!];
          const ours = await fetchFromUs(subject, { wants, haves, filter });
          const theirs = await fetchFromGit(subject, { wants, haves, filter });
          expect(missingFrom(theirs, ours)).toEqual([]);
          expect(missingFrom(ours, await fetchFromGit(subject, { wants, filter }))).toEqual([]);
          // What the client got with the same filter for its commit, and what comes now, make a whole.
          const before = await fetchFromGit(subject, { wants: haves, filter });
          const whole = await fetchFromGit(subject, { wants: [...wants, ...haves], filter });
          expect(missingFrom(whole, [...before, ...ours])).toEqual([]);
        });
      }),
      { numRuns: 25 },
    );
  });
});

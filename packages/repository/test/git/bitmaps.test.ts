import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ObjectFilter } from "@millrace/pack";
import { createMemoryStorage, type RepositoryStore } from "@millrace/storage";
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
import { notingSidecars, packOf, receiveAll, withoutGraphs, withView } from "./memory-repository.ts";
import { createGitRepository, fastImportStream, type GitRepository } from "./real-git.ts";
import { objectsOf } from "./upload-pack-oracle.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 3, maxLength: 60 });
const filters = fc.constantFrom<ObjectFilter | undefined>(
  undefined,
  { kind: "blob:none" },
  { kind: "blob:limit", bytes: 0 },
  { kind: "blob:limit", bytes: 100 },
  { kind: "object:type", type: "blob" },
  { kind: "object:type", type: "tree" },
  { kind: "object:type", type: "commit" },
  { kind: "object:type", type: "tag" },
  { kind: "tree", depth: 2 },
);
const requests = fc.record({ wants: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), filter: filters });

/** Brings in what git has packed so far, as a pack of its own. */
async function bringIn(to: Repository, source: GitRepository, pack: Uint8Array): Promise<void> {
  const known = new Map<string, string>();
  await withView(to, async (view) => {
    for await (const { name, oid } of view.listRefs()) known.set(name, oid);
  });
  const lines = source.text(["for-each-ref", "--format=%(objectname) %(refname)"]).split("\n");
  const commands = lines.map((line) => ({
    name: line.slice(41),
    old: known.get(line.slice(41)) ?? null,
    new: line.slice(0, 40),
  }));
  const changed = commands.filter((command) => command.old !== command.new);
  await receiveAll(to, changed, pack);
}

function beside(source: GitRepository, kind: "pack" | "bitmap"): Buffer {
  const folder = join(source.path, "objects/pack");
  const found = readdirSync(folder).filter((name) => name.endsWith(`.${kind}`));
  expect(found).toHaveLength(1);
  return readFileSync(join(folder, found[0]!));
}

/** Lays git's bitmap beside the only pack. */
async function keepBitmap(store: RepositoryStore, source: GitRepository): Promise<void> {
  const snapshot = await store.snapshot();
  const [listed] = await snapshot.packs();
  const handle = await snapshot.openPack(listed!.id);
  // A store keeps what it is given, though only git makes these.
  const keep = handle.keepSidecar as (kind: string, bytes: Uint8Array) => Promise<void>;
  await keep("bitmap", beside(source, "bitmap"));
  await handle[Symbol.asyncDispose]();
}

async function found(
  view: RepositoryView,
  wants: readonly string[],
  filter: ObjectFilter | undefined,
): Promise<{ readonly oids: string[]; readonly isRanked: boolean }> {
  const plan = filter && (await planFilter(filter, () => Promise.reject(new Error("no sparse filter here"))));
  const objects = await view.objects();
  const { table, numbers, count } = await enumerateObjects(objects, { wants, haves: [], filter: plan });
  expect(numbers.length).toBe(count);
  expect(new Set(numbers).size).toBe(count);
  return {
    oids: Array.from(numbers, (number) => table.oidAt(number)).toSorted(),
    isRanked: table.ranked !== undefined,
  };
}

async function cloneOf(view: RepositoryView, wants: readonly string[]): Promise<Buffer> {
  return packOf(view, { wants, includeTag: true });
}

describe("the bitmap of a pack that has no graph", () => {
  it("changes nothing about what is found, and a clone is the stored pack", {
    timeout: 600_000,
  }, async () => {
    let ranked = 0;
    await fc.assert(
      fc.asyncProperty(
        shapes,
        shapes,
        fc.array(requests, { minLength: 10, maxLength: 10 }),
        async (shape, later, asked) => {
          const source = createGitRepository();
          try {
            source.run(["fast-import", "--quiet"], fastImportStream(shape));
            source.run(["repack", "-adbq"]);
            const stored = beside(source, "pack");
            const store = await createMemoryStorage().create("bitmapped.git");
            // Nothing that is read counts, so that no graph comes while this lasts.
            const caches = createObjectCaches({ graphBytes: 0 });
            const repository = openRepository(withoutGraphs(store), { caches });
            const plain = openRepository(withoutGraphs(await createMemoryStorage().create("plain.git")), {
              caches,
            });
            for (const one of [repository, plain]) await bringIn(one, source, stored);
            await keepBitmap(store, source);

            const compare = async (): Promise<void> => {
              const all = source.text(["rev-list", "--objects", "--no-object-names", "--all"]).split("\n");
              const tips = source.text(["for-each-ref", "--format=%(objectname)"]).split("\n");
              await withView(repository, async (view) => {
                await withView(plain, async (other) => {
                  const everything = await found(view, tips, undefined);
                  expect(everything.isRanked).toBe(true);
                  expect(everything.oids).toEqual(all.toSorted());
                  for (const { wants, filter } of asked) {
                    const from = wants[0]! % 2 === 0 ? tips : all;
                    const oids = wants.map((want) => from[want % from.length]!);
                    const { oids: byBits, isRanked } = await found(view, oids, filter);
                    const { oids: byReading, isRanked: isNot } = await found(other, oids, filter);
                    expect(byBits).toEqual(byReading);
                    expect(isNot).toBe(false);
                    if (isRanked) ranked++;
                    expect(await objectsOf(await cloneOf(view, oids))).toEqual(
                      await objectsOf(await cloneOf(other, oids)),
                    );
                  }
                });
                expect(await objectsOf(await cloneOf(view, tips))).toEqual(all.toSorted());
              });
            };
            await compare();
            const tips = source.text(["for-each-ref", "--format=%(objectname)"]).split("\n");
            const clone = await withView(repository, (view) => cloneOf(view, tips));
            expect(clone.equals(stored)).toBe(true);

            const before = `${tips.map((oid) => `^${oid}`).join("\n")}\n`;
            source.run(["fast-import", "--quiet", "--force"], fastImportStream(later));
            const after = source.text(["for-each-ref", "--format=%(objectname)"]);
            const more = source.run(["pack-objects", "--revs", "--stdout", "-q"], `${after}\n${before}`);
            for (const one of [repository, plain]) await bringIn(one, source, more);
            await compare();
          } finally {
            source.remove();
          }
        },
      ),
      { numRuns: 12 },
    );
    expect(ranked).toBeGreaterThan(30);
  });
});

describe("the bitmap of a pack that has a graph", () => {
  it("tells a clone of all of it, and the graph is not read", async () => {
    const source = createGitRepository();
    try {
      source.run(["fast-import", "--quiet"], fastImportStream([1, 6, 10, 15, 4, 9, 22, 30, 7, 12]));
      source.run(["repack", "-adbq"]);
      const stored = beside(source, "pack");
      const store = await createMemoryStorage().create("graphed.git");
      await bringIn(openRepository(store), source, stored);
      await keepBitmap(store, source);
      const tips = source.text(["for-each-ref", "--format=%(objectname)"]).split("\n");
      const read: string[] = [];
      const started = openRepository(notingSidecars(store, read), { caches: createObjectCaches() });
      const clone = await withView(started, (view) => cloneOf(view, tips));
      expect(clone.equals(stored)).toBe(true);
      expect(read).toContain("bitmap");
      expect(read).not.toContain("graph");
      // Other walks go by the graph.
      await withView(started, (view) => found(view, tips, { kind: "blob:none" }));
      expect(read).toContain("graph");
    } finally {
      source.remove();
    }
  });
});

describe("the graph of a pack, with no bitmap of git's beside it", () => {
  it("makes a clone of everything the stored pack byte for byte, pushed or built later", {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.boolean(), async (shape, isBuilt) => {
        const source = createGitRepository();
        try {
          source.run(["fast-import", "--quiet"], fastImportStream(shape));
          source.run(["-c", "repack.writeBitmaps=false", "repack", "-adq"]);
          const stored = beside(source, "pack");
          const store = await createMemoryStorage().create("graphed.git");
          await using pushed = openRepository(isBuilt ? withoutGraphs(store) : store);
          await bringIn(pushed, source, stored);
          if (isBuilt) {
            await using builder = openRepository(store);
            await builder.buildGraphs();
          }
          const tips = source.text(["for-each-ref", "--format=%(objectname)"]).split("\n");
          // As another process opens it.
          const read: string[] = [];
          await using repository = openRepository(notingSidecars(store, read));
          const clone = await withView(repository, (view) => cloneOf(view, tips));
          expect(clone.equals(stored)).toBe(true);
          expect(read).toContain("graph");
          const snapshot = await store.snapshot();
          const [listed] = await snapshot.packs();
          await using handle = await snapshot.openPack(listed!.id);
          expect(await handle.sidecar("bitmap")).toBeUndefined();

          const all = source.text(["rev-list", "--objects", "--no-object-names", "--all"]).split("\n");
          expect(await objectsOf(clone)).toEqual(all.toSorted());
        } finally {
          source.remove();
        }
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });
});

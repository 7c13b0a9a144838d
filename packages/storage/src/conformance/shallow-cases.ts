import assert from "node:assert/strict";
import type { ObjectFormat, Oid } from "@millrace/pack";
import type { RepositoryStore } from "../contract.ts";
import { codesOf, collect, createFilled, push, rejectsWith, withSnapshot } from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { makeTinyPack, unknownOid } from "./tiny-pack.ts";

const A = unknownOid("sha1", "a");
const B = unknownOid("sha1", "b");
const C = unknownOid("sha1", "c");

/** The shallow roots as they are now, sorted. */
async function rootsOf(store: RepositoryStore): Promise<readonly Oid[]> {
  return withSnapshot(store, async (view) => [...(await view.shallow())].sort());
}

/** Commits that make a repository shallow. */
export const shallowCases: readonly ConformanceCase[] = [
  {
    name: "shallow: roots come with a ref that moved, each once, beside those that are there",
    needs: [],
    async run({ storage }) {
      for (const format of ["sha1", "sha256"] satisfies ObjectFormat[]) {
        const { store, pack } = await createFilled(storage, `roots-${format}`, undefined, format);
        const [a, b, c] = ["a", "b", "c"].map((digit) => unknownOid(format, digit)) as [Oid, Oid, Oid];
        const next = await makeTinyPack("roots 2", format);
        const refs = [{ name: "refs/heads/main", old: pack.commit, new: next.commit }];
        assert.deepEqual(codesOf(await push(store, next, { refs, shallow: [b, a, b] })), [undefined]);
        assert.deepEqual(await rootsOf(store), [a, b]);
        const more = await store.commit({
          refs: [{ name: "refs/heads/other", old: null, new: next.commit }],
          shallow: [c, a],
        });
        assert.equal(more.committed, true);
        assert.deepEqual(await rootsOf(await storage.open(`roots-${format}`)), [a, b, c]);
        await store.commit({ refs: [{ name: "refs/heads/other", new: pack.commit }], shallow: [] });
        assert.deepEqual(await rootsOf(store), [a, b, c]);
      }
    },
  },
  {
    name: "shallow: no root without a ref that moved",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "refused");
      const good = { name: "refs/heads/good", old: null, new: pack.commit };
      const bad = { name: "refs/heads/bad", old: A, new: pack.commit };
      assert.equal((await store.commit({ refs: [bad], shallow: [B] })).committed, false);
      assert.equal((await store.commit({ refs: [good, bad], shallow: [B], atomic: true })).committed, false);
      const denied = await store.commit({
        refs: [good],
        shallow: [B],
        check: async () => [{ name: good.name, code: "REF_DENIED", message: "no" }],
      });
      assert.deepEqual([codesOf(denied), denied.committed], [["REF_DENIED"], false]);
      const gone = await store.commit({ refs: [{ name: "refs/heads/none", new: null }], shallow: [B] });
      assert.equal(gone.committed, false);
      assert.deepEqual(await rootsOf(store), []);
      assert.deepEqual(codesOf(await store.commit({ refs: [good, bad], shallow: [B] })), [
        undefined,
        "REF_CONFLICT",
      ]);
      assert.deepEqual(await rootsOf(store), [B]);
    },
  },
  {
    name: "shallow: roots alone are a commit, and ids of another format are refused",
    needs: [],
    async run({ storage }) {
      const { store } = await createFilled(storage, "alone");
      assert.deepEqual(await store.commit({ shallow: [A] }), { refs: [], committed: true });
      assert.deepEqual(await rootsOf(store), [A]);
      for (const oid of ["", "abc", unknownOid("sha256"), unknownOid("sha1", "0")]) {
        await rejectsWith("STORAGE_UNSUPPORTED", () => store.commit({ shallow: [oid] }));
      }
      assert.deepEqual(await rootsOf(store), [A]);
    },
  },
  {
    name: "shallow: a repository that appears with its first commit has the roots of that commit",
    needs: [],
    async run({ storage }) {
      const store = await storage.create("later", { onFirstCommit: true });
      const pack = await makeTinyPack("later");
      await push(store, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }], shallow: [A] });
      assert.deepEqual(await rootsOf(await storage.open("later")), [A]);
    },
  },
  {
    name: "shallow: writers beside each other lose none, and no reader sees a ref before its root",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "beside");
      const roots = Array.from({ length: 9 }, (_, i) => unknownOid("sha1", `${i + 1}`));
      let writing = true;
      const reader = (async () => {
        while (writing) {
          await withSnapshot(store, async (view) => {
            const refs = await collect(view.refs({ prefixes: ["refs/heads/r"] }));
            const seen = new Set(await view.shallow());
            for (const { name } of refs) {
              const root = unknownOid("sha1", name.slice(-1));
              assert.ok(seen.has(root), `${name} was seen without its root`);
            }
          });
        }
      })();
      const writers = roots.map(async (root) => {
        const own = await storage.open("beside");
        const refs = [{ name: `refs/heads/r${root[0]}`, old: null, new: pack.commit }];
        const result = await own.commit({ refs, shallow: [root, C] });
        assert.deepEqual(codesOf(result), [undefined]);
      });
      await Promise.all(writers).finally(() => {
        writing = false;
      });
      await reader;
      assert.deepEqual(await rootsOf(store), [...roots, C].sort());
    },
  },
];

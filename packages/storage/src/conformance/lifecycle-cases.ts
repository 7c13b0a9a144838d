import assert from "node:assert/strict";
import {
  codesOf,
  collect,
  createFilled,
  packIds,
  push,
  refLines,
  rejectsWith,
  withSnapshot,
} from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { makeTinyPack, unknownOid } from "./tiny-pack.ts";

/** Making, finding and removing repositories. */
export const lifecycleCases: readonly ConformanceCase[] = [
  {
    name: "open: a repository that does not exist is STORAGE_NOT_FOUND",
    needs: [],
    async run({ storage }) {
      await rejectsWith("STORAGE_NOT_FOUND", () => storage.open("missing"));
      await rejectsWith("STORAGE_NOT_FOUND", () => storage.remove("missing"));
    },
  },
  {
    name: "create: an empty repository has an unborn HEAD and nothing else",
    needs: [],
    async run({ storage }) {
      const store = await storage.create("empty");
      assert.equal(store.backend, storage.backend);
      assert.equal(store.objectFormat, "sha1");
      await withSnapshot(store, async (view) => {
        assert.equal(view.objectFormat, "sha1");
        assert.deepEqual(
          { oid: undefined, ...(await view.head()) },
          { symref: "refs/heads/main", oid: undefined },
        );
        assert.deepEqual(await collect(view.refs()), []);
        assert.deepEqual(await view.packs(), []);
        assert.deepEqual(await view.shallow(), []);
        assert.deepEqual(await collect(view.alternateTips()), []);
        assert.deepEqual(await collect(view.listLoose()), []);
      });
    },
  },
  {
    name: "create: HEAD and the object format are as asked, also when opened again",
    needs: [],
    async run({ storage }) {
      await storage.create("long", { objectFormat: "sha256", head: "refs/heads/trunk" });
      const store = await storage.open("long");
      assert.equal(store.objectFormat, "sha256");
      await withSnapshot(store, async (view) => assert.equal((await view.head()).symref, "refs/heads/trunk"));
      const pack = await makeTinyPack("long", "sha256");
      const result = await push(store, pack, { refs: [{ name: "refs/heads/trunk", new: pack.commit }] });
      assert.deepEqual(codesOf(result), [undefined]);
      assert.deepEqual(await packIds(store), [pack.id]);
      await withSnapshot(store, async (view) => assert.equal((await view.head()).oid, pack.commit));
    },
  },
  {
    name: "create: a name that is taken is STORAGE_EXISTS",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "taken");
      await rejectsWith("STORAGE_EXISTS", () => storage.create("taken"));
      await rejectsWith("STORAGE_EXISTS", () => storage.create("taken", { onFirstCommit: true }));
      assert.deepEqual(await refLines(store), [`refs/heads/main ${pack.commit}`]);
    },
  },
  {
    name: "create: of ten at once with one name, one succeeds",
    needs: [],
    async run({ storage }) {
      const results = await Promise.allSettled(Array.from({ length: 10 }, () => storage.create("one")));
      assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
      for (const result of results) {
        if (result.status === "rejected")
          assert.equal((result.reason as { code: string }).code, "STORAGE_EXISTS");
      }
    },
  },
  {
    name: "list: byte order, prefix, after and limit",
    needs: [],
    async run({ storage }) {
      const names = ["B", "a-b", "a.git", "a/x", "a/y/z", "a0", "b", "\u{1f600}", "\uff5e"];
      for (const name of names.toReversed()) await storage.create(name);
      assert.deepEqual(await collect(storage.list()), [
        "B",
        "a-b",
        "a.git",
        "a/x",
        "a/y/z",
        "a0",
        "b",
        "\uff5e",
        "\u{1f600}",
      ]);
      assert.deepEqual(await collect(storage.list({ prefix: "a/" })), ["a/x", "a/y/z"]);
      assert.deepEqual(await collect(storage.list({ prefix: "a" })), ["a-b", "a.git", "a/x", "a/y/z", "a0"]);
      assert.deepEqual(await collect(storage.list({ after: "a.git", limit: 2 })), ["a/x", "a/y/z"]);
      assert.deepEqual(await collect(storage.list({ after: "a/x", prefix: "a" })), ["a/y/z", "a0"]);
      assert.deepEqual(await collect(storage.list({ prefix: "none" })), []);
    },
  },
  {
    name: "remove: the repository is gone, and its name is free for an empty one",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "team/gone");
      await storage.remove("team/gone");
      await rejectsWith("STORAGE_NOT_FOUND", () => storage.open("team/gone"));
      await rejectsWith("STORAGE_NOT_FOUND", () => store.snapshot());
      await rejectsWith("STORAGE_NOT_FOUND", () => store.stage());
      const refs = [{ name: "refs/heads/new", new: pack.commit }];
      await rejectsWith("STORAGE_NOT_FOUND", () => store.commit({ refs }));
      assert.deepEqual(await collect(storage.list()), []);
      const again = await storage.create("team/gone");
      assert.deepEqual(await refLines(again), []);
      assert.deepEqual(await packIds(again), []);
    },
  },
  {
    name: "onFirstCommit: invisible until its first successful commit",
    needs: [],
    async run({ storage }) {
      const store = await storage.create("team/late", { onFirstCommit: true, head: "refs/heads/trunk" });
      await rejectsWith("STORAGE_NOT_FOUND", () => storage.open("team/late"));
      assert.deepEqual(await collect(storage.list()), []);
      await withSnapshot(store, async (view) => assert.equal((await view.head()).symref, "refs/heads/trunk"));
      const pack = await makeTinyPack("late");
      const result = await push(store, pack, {
        refs: [{ name: "refs/heads/first", old: null, new: pack.commit }],
        symrefs: [{ name: "HEAD", target: "refs/heads/first" }],
      });
      assert.deepEqual(codesOf(result), [undefined]);
      assert.deepEqual(await collect(storage.list()), ["team/late"]);
      const opened = await storage.open("team/late");
      assert.deepEqual(await packIds(opened), [pack.id]);
      await withSnapshot(opened, async (view) => {
        assert.deepEqual(await view.head(), { symref: "refs/heads/first", oid: pack.commit });
      });
      // The store that made it goes on.
      const second = await makeTinyPack("later");
      await push(store, second, { refs: [{ name: "refs/heads/second", new: second.commit }] });
      assert.equal((await refLines(opened)).length, 2);
      await store[Symbol.asyncDispose]();
      assert.deepEqual(await collect(storage.list()), ["team/late"]);
    },
  },
  {
    name: "onFirstCommit: a refused commit, or none, leaves nothing",
    needs: [],
    async run({ storage }) {
      const store = await storage.create("never", { onFirstCommit: true });
      const pack = await makeTinyPack("never");
      const refused = await push(store, pack, {
        refs: [{ name: "refs/heads/main", old: unknownOid("sha1"), new: pack.commit }],
      });
      assert.deepEqual([codesOf(refused), refused.committed], [["REF_CONFLICT"], false]);
      const nothing = await store.commit({ refs: [{ name: "refs/heads/none", old: null, new: null }] });
      assert.equal(nothing.committed, false);
      assert.deepEqual(await collect(storage.list()), []);
      await store[Symbol.asyncDispose]();
      await rejectsWith("STORAGE_NOT_FOUND", () => storage.open("never"));
      await storage.create("never");
    },
  },
  {
    name: "onFirstCommit: two first commits at once both succeed, and one repository has both",
    needs: [],
    async run({ storage }) {
      const labels = ["one", "two", "three"];
      const packs = await Promise.all(labels.map((label) => makeTinyPack(label)));
      const stores = await Promise.all(labels.map(() => storage.create("shared", { onFirstCommit: true })));
      const results = await Promise.all(
        labels.map((label, index) => {
          const pack = packs[index] as (typeof packs)[number];
          return push(stores[index] as (typeof stores)[number], pack, {
            refs: [{ name: `refs/heads/${label}`, old: null, new: pack.commit }],
            symrefs: [{ name: "HEAD", target: `refs/heads/${label}` }],
          });
        }),
      );
      for (const result of results)
        assert.deepEqual([codesOf(result), result.committed], [[undefined], true]);
      const opened = await storage.open("shared");
      const expected = labels.map((label, index) => `refs/heads/${label} ${packs[index]?.commit}`).sort();
      assert.deepEqual(await refLines(opened), expected);
      assert.deepEqual(new Set(await packIds(opened)), new Set(packs.map((pack) => pack.id)));
      // HEAD is the winner's: the others have joined a repository that was there.
      await withSnapshot(opened, async (view) => assert.notEqual((await view.head()).oid, undefined));
      for (const store of stores) {
        assert.equal((await refLines(store)).length, labels.length);
        await store[Symbol.asyncDispose]();
      }
      assert.deepEqual(await collect(storage.list()), ["shared"]);
    },
  },
  {
    name: "onFirstCommit: joining another writer's repository compares refs with what that one has",
    needs: [],
    async run({ storage }) {
      const late = await storage.create("raced", { onFirstCommit: true });
      const pack = await makeTinyPack("late");
      const stage = await late.stage();
      await stage.discard();
      const { pack: first } = await createFilled(storage, "raced");
      const request = { refs: [{ name: "refs/heads/main", old: null, new: pack.commit }] };
      assert.deepEqual(codesOf(await push(late, pack, request)), ["REF_CONFLICT"]);
      const opened = await storage.open("raced");
      assert.deepEqual(await refLines(opened), [`refs/heads/main ${first.commit}`]);
      assert.deepEqual(await packIds(opened), [first.id]);
      const forced = await push(late, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }] });
      assert.deepEqual(codesOf(forced), [undefined]);
      assert.deepEqual(await refLines(opened), [`refs/heads/main ${pack.commit}`]);
    },
  },
];

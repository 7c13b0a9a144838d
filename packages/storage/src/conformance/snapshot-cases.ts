import assert from "node:assert/strict";
import type { RandomAccess } from "@millrace/pack";
import {
  collect,
  createFilled,
  push,
  readRefs,
  refLines,
  rejectsWith,
  stagePack,
  withSnapshot,
} from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { countRefs, refsOf } from "../ref-lines.ts";
import { makeTinyPack, unknownOid } from "./tiny-pack.ts";

const NAMES = [
  "refs/heads/a",
  "refs/heads/a-b",
  "refs/heads/a/deep/one",
  "refs/heads/ab",
  "refs/heads/z",
  "refs/notes/x",
  "refs/tags/v1",
];
/** `a` and `a/deep/one` cannot both exist. */
const REFS = NAMES.filter((name) => name !== "refs/heads/a");

/** What a view of a repository shows. */
export const snapshotCases: readonly ConformanceCase[] = [
  {
    name: "refs: all of them in byte order, and by prefixes",
    needs: [],
    async run({ storage }) {
      const refs = [...REFS, "refs/heads/\u{1f600}", "refs/heads/\uff5e"];
      const { store } = await createFilled(storage, "refs", refs);
      const names = async (...prefixes: string[]): Promise<string[]> =>
        (await readRefs(store, { prefixes })).map((ref) => ref.name);
      const sorted = [
        "refs/heads/a-b",
        "refs/heads/a/deep/one",
        "refs/heads/ab",
        "refs/heads/z",
        "refs/heads/\uff5e",
        "refs/heads/\u{1f600}",
        "refs/notes/x",
        "refs/tags/v1",
      ];
      assert.deepEqual(
        (await readRefs(store)).map((ref) => ref.name),
        sorted,
      );
      assert.deepEqual(await names(""), sorted);
      assert.deepEqual(await names("refs/"), sorted);
      assert.deepEqual(await names("re"), sorted);
      assert.deepEqual(await names("refs/heads/a"), sorted.slice(0, 3));
      assert.deepEqual(await names("refs/heads/a/"), ["refs/heads/a/deep/one"]);
      assert.deepEqual(await names("refs/heads/a/de"), ["refs/heads/a/deep/one"]);
      assert.deepEqual(await names("refs/heads/a/deep/one"), ["refs/heads/a/deep/one"]);
      assert.deepEqual(await names("refs/tags/", "refs/heads/ab", "refs/heads/a", "refs/tags/v"), [
        ...sorted.slice(0, 3),
        "refs/tags/v1",
      ]);
      assert.deepEqual(await names(), []);
      assert.deepEqual(await names("HEAD"), []);
      assert.deepEqual(await names("refs/heads/nothing"), []);
      assert.deepEqual(await names("refs/../refs/heads/"), []);
    },
  },
  {
    name: "ref: one by its full name",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "one", REFS);
      await withSnapshot(store, async (view) => {
        const ref = await view.ref("refs/heads/a/deep/one");
        assert.deepEqual(
          [ref?.name, ref?.oid, ref?.symref],
          ["refs/heads/a/deep/one", pack.commit, undefined],
        );
        for (const name of [
          "refs/heads/a",
          "refs/heads",
          "refs/heads/none",
          "HEAD",
          "",
          "refs/../HEAD",
          "refs/heads/",
        ]) {
          assert.equal(await view.ref(name), undefined, name);
        }
      });
    },
  },
  {
    name: "refs: more than a thousand, all told once",
    needs: [],
    async run({ storage }) {
      const refs = Array.from(
        { length: 1200 },
        (_, index) => `refs/heads/n${String(index).padStart(5, "0")}`,
      );
      const { store } = await createFilled(storage, "many", refs);
      assert.deepEqual(
        (await readRefs(store)).map((ref) => ref.name),
        refs,
      );
      assert.equal((await readRefs(store, { prefixes: ["refs/heads/n0000"] })).length, 10);
    },
  },
  {
    name: "refBatches: the refs that refs tells, by the same prefixes",
    needs: [],
    async run({ storage }) {
      const { store } = await createFilled(storage, "batches", REFS);
      await withSnapshot(store, async (view) => {
        for (const prefixes of [undefined, ["refs/heads/a"], ["refs/tags/", "refs/notes/"], []]) {
          const batches = await collect(view.refBatches({ prefixes }));
          const refs = await collect(view.refs({ prefixes }));
          assert.deepEqual(
            batches.flatMap((batch) => refsOf(batch, view.objectFormat)),
            refs,
          );
          assert.equal(
            batches.reduce((sum, batch) => sum + countRefs(batch), 0),
            refs.length,
          );
        }
      });
    },
  },
  {
    name: "refs: leaving the loop early leaves the view usable",
    needs: [],
    async run({ storage }) {
      const { store } = await createFilled(storage, "early", REFS);
      await withSnapshot(store, async (view) => {
        for await (const ref of view.refs()) {
          assert.equal(ref.name, "refs/heads/a-b");
          break;
        }
        assert.equal((await collect(view.refs())).length, REFS.length);
      });
      for (const name of ["a1", "a2"]) await storage.create(name);
      for await (const name of storage.list()) {
        assert.equal(name, "a1");
        break;
      }
    },
  },
  {
    name: "HEAD: unborn, born, and moved to another branch",
    needs: ["refDeletion"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "head", ["refs/heads/other"]);
      const head = (): Promise<unknown> =>
        withSnapshot(store, async (view) => ({ oid: undefined, ...(await view.head()) }));
      assert.deepEqual(await head(), { symref: "refs/heads/main", oid: undefined });
      await store.commit({ refs: [{ name: "refs/heads/main", new: pack.commit }] });
      assert.deepEqual(await head(), { symref: "refs/heads/main", oid: pack.commit });
      await store.commit({ symrefs: [{ name: "HEAD", target: "refs/heads/other" }] });
      assert.deepEqual(await head(), { symref: "refs/heads/other", oid: pack.commit });
      await store.commit({ refs: [{ name: "refs/heads/other", new: null }] });
      assert.deepEqual(await head(), { symref: "refs/heads/other", oid: undefined });
    },
  },
  {
    name: "symbolic refs: told with their target; dangling and circular ones are left out",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "symbolic");
      const symrefs = [
        { name: "refs/remotes/origin/HEAD", target: "refs/heads/main" },
        { name: "refs/heads/dangling", target: "refs/heads/none" },
        { name: "refs/heads/circle", target: "refs/heads/round" },
        { name: "refs/heads/round", target: "refs/heads/circle" },
      ];
      assert.deepEqual(await store.commit({ symrefs }), { refs: [], committed: true });
      const refs = (await readRefs(store)).map(({ name, oid, symref }) => ({ name, oid, symref }));
      assert.deepEqual(refs, [
        { name: "refs/heads/main", oid: pack.commit, symref: undefined },
        { name: "refs/remotes/origin/HEAD", oid: pack.commit, symref: "refs/heads/main" },
      ]);
      await withSnapshot(store, async (view) => {
        assert.equal((await view.ref("refs/remotes/origin/HEAD"))?.symref, "refs/heads/main");
        assert.equal(await view.ref("refs/heads/dangling"), undefined);
        assert.equal(await view.ref("refs/heads/circle"), undefined);
      });
    },
  },
  {
    name: "packs: a graph that came with a pack is given back or was dropped; one that is kept later is given back",
    needs: [],
    async run({ storage }) {
      const store = await storage.create("graphs");
      const pack = await makeTinyPack("graphs");
      const came = Uint8Array.from({ length: 300 }, (_, i) => i & 255);
      const stage = await stagePack(store, pack);
      await stage.sidecar("graph", [came.subarray(0, 99), came.subarray(99, 99), came.subarray(99)]);
      await store.commit({ add: [stage], refs: [{ name: "refs/heads/main", new: pack.commit }] });
      await stage[Symbol.asyncDispose]();
      await withSnapshot(store, async (view) => {
        const handle = await view.openPack(pack.id);
        try {
          const given = await handle.sidecar("graph");
          if (given !== undefined) assert.deepEqual(bytesOf(given), bytesOf(came));
          const kept = came.map((byte) => 255 - byte);
          await handle.keepSidecar?.("graph", kept);
          assert.deepEqual(
            bytesOf(await handle.sidecar("graph")),
            bytesOf(handle.keepSidecar === undefined ? given : kept),
          );
          assert.deepEqual(bytesOf(await handle.sidecar("idx")), bytesOf(pack.idx));
          await handle.keepSidecar?.("rev", pack.rev);
          assert.deepEqual(bytesOf(await handle.sidecar("rev")), bytesOf(pack.rev));
        } finally {
          await handle[Symbol.asyncDispose]();
        }
      });
    },
  },
  {
    name: "packs: newest first, whole, with their sidecars; any range can be read",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "packs");
      // Disks tell ages by clocks that tick slowly.
      await new Promise((resolve) => setTimeout(resolve, 30));
      const second = await makeTinyPack("second");
      await push(store, second, { refs: [{ name: "refs/heads/second", new: second.commit }] });
      await withSnapshot(store, async (view) => {
        assert.deepEqual(await view.packs(), [
          { id: second.id, sizeBytes: second.bytes.length },
          { id: pack.id, sizeBytes: pack.bytes.length },
        ]);
        assert.equal((await view.packs({ reload: true })).length, 2);
        const handle = await view.openPack(pack.id);
        try {
          assert.equal(handle.id, pack.id);
          assert.equal(handle.sizeBytes, pack.bytes.length);
          const { length } = pack.bytes;
          assert.deepEqual(bytesOf(await handle.read(0, length)), bytesOf(pack.bytes));
          assert.deepEqual(bytesOf(await handle.read(5, 9)), bytesOf(pack.bytes.subarray(5, 14)));
          assert.deepEqual(
            bytesOf(await handle.read(length - 3, 100)),
            bytesOf(pack.bytes.subarray(length - 3)),
          );
          assert.equal((await handle.read(length, 1)).length, 0);
          assert.equal((await handle.read(length + 10, 10)).length, 0);
          await readsInto(handle, pack.bytes);
          assert.deepEqual(bytesOf(await handle.sidecar("idx")), bytesOf(pack.idx));
          assert.deepEqual(bytesOf(await handle.sidecar("rev")), bytesOf(pack.rev));
          const mine = await handle.read(0, 4);
          mine.fill(0);
          assert.deepEqual(bytesOf(await handle.read(0, 4)), bytesOf(pack.bytes.subarray(0, 4)));
        } finally {
          await handle[Symbol.asyncDispose]();
        }
        await rejectsWith("STORAGE_NOT_FOUND", () => view.openPack(unknownOid("sha1")));
        await rejectsWith("STORAGE_NOT_FOUND", () => view.openPack("../../HEAD"));
      });
    },
  },
  {
    name: "snapshot: one instant, whatever is committed meanwhile",
    needs: ["consistentSnapshot"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "instant");
      const before = await store.snapshot();
      const same = await store.snapshot();
      assert.equal(same.token, before.token);
      const second = await makeTinyPack("instant 2");
      await push(store, second, { refs: [{ name: "refs/heads/main", new: second.commit }] });
      assert.deepEqual(
        (await collect(before.refs())).map((ref) => ref.oid),
        [pack.commit],
      );
      assert.deepEqual(
        (await before.packs({ reload: true })).map(({ id }) => id),
        [pack.id],
      );
      assert.equal((await before.head()).oid, pack.commit);
      const after = await store.snapshot();
      assert.notEqual(after.token, before.token);
      assert.equal((await after.head()).oid, second.commit);
    },
  },
  {
    name: "snapshot: packs asked for after refs hold what those refs name",
    needs: [],
    async run({ storage }) {
      const { store } = await createFilled(storage, "order");
      const view = await store.snapshot();
      await view.packs();
      const second = await makeTinyPack("order 2");
      await push(store, second, { refs: [{ name: "refs/heads/main", new: second.commit }] });
      const refs = await collect(view.refs());
      const ids = (await view.packs()).map(({ id }) => id);
      assert.equal(refs[0]?.oid === second.commit, ids.includes(second.id));
      assert.deepEqual(await refLines(store), [`refs/heads/main ${second.commit}`]);
    },
  },
  {
    name: "snapshot: an open pack stays readable when its repository is removed",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "removed");
      const handle = await withSnapshot(store, (view) => view.openPack(pack.id));
      await storage.remove("removed");
      assert.deepEqual(bytesOf(await handle.read(0, pack.bytes.length)), bytesOf(pack.bytes));
      await handle[Symbol.asyncDispose]();
    },
  },
];

/** Where a pack can be read into given places, that gives what `read` gives, in order and no further. */
async function readsInto({ readInto }: RandomAccess, bytes: Uint8Array): Promise<void> {
  if (readInto === undefined) return;
  const layouts = [[bytes.length], [0, 7, 0, 1, 20], [], [bytes.length, 10], Array<number>(3000).fill(1)];
  for (const sizes of layouts) {
    for (const offset of [0, 3, bytes.length - 5, bytes.length, bytes.length + 9]) {
      const targets = sizes.map((size) => new Uint8Array(size));
      const room = sizes.reduce((sum, size) => sum + size, 0);
      const expected = bytes.subarray(offset, offset + room);
      assert.equal(await readInto(targets, offset), expected.length);
      const found = Buffer.concat(targets);
      assert.equal(bytesOf(found.subarray(0, expected.length)), bytesOf(expected));
      assert.ok(found.subarray(expected.length).every((byte) => byte === 0));
    }
  }
  const reason = new Error("enough");
  await assert.rejects(
    async () => readInto([new Uint8Array(1)], 0, { signal: AbortSignal.abort(reason) }),
    (error) => error === reason,
  );
}

function bytesOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("hex");
}

import assert from "node:assert/strict";
import { codesOf, createFilled, packIds, push, refLines, rejectsWith, stagePack } from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { makeTinyPack } from "./tiny-pack.ts";

/** Uploads before their commit. */
export const stageCases: readonly ConformanceCase[] = [
  {
    name: "stage: bytes can be read back while more are written",
    needs: [],
    async run({ storage }) {
      const store = await storage.create("readback");
      const stage = await store.stage();
      const expected: number[] = [];
      for (let round = 0; round < 20; round++) {
        const piece = Uint8Array.from({ length: 1 + round * 97 }, (_, index) => (round * 31 + index) & 255);
        expected.push(...piece);
        await stage.write(piece);
        piece.fill(0);
        assert.equal(stage.sizeBytes, expected.length);
        const source = await stage.open();
        assert.equal(source.sizeBytes, expected.length);
        assert.deepEqual([...(await source.read(0, expected.length))], expected);
        const from = expected.length >> 1;
        assert.deepEqual([...(await source.read(from, 5))], expected.slice(from, from + 5));
      }
      await stage.discard();
    },
  },
  {
    name: "stage: a megabyte in large and small pieces",
    needs: [],
    async run({ storage }) {
      const store = await storage.create("large");
      const stage = await store.stage();
      const whole = Buffer.alloc(1 << 20, "0123456789abcdef-");
      const sizes = [1, 70_000, 300_000, 3, 262_144, 100];
      for (let at = 0, turn = 0; at < whole.length; turn++) {
        const size = sizes[turn % sizes.length] as number;
        await stage.write(whole.subarray(at, at + size));
        at += size;
      }
      const source = await stage.open();
      assert.ok(whole.equals(await source.read(0, whole.length)));
      await stage[Symbol.asyncDispose]();
    },
  },
  {
    name: "stage: what is put aside is read back and is no part of the pack",
    needs: [],
    async run({ storage }) {
      const { store } = await createFilled(storage, "aside");
      const pack = await makeTinyPack("aside");
      const stage = await store.stage();
      await stage.write(pack.bytes.slice(0, -20));
      const aside = [await stage.scratch?.(), await stage.scratch?.()];
      for (const [i, scratch] of aside.entries()) {
        for (let n = 0; n < 200; n++) await scratch?.write(new Uint8Array(7 * n).fill(n + i));
      }
      for (const [i, scratch] of aside.entries()) {
        const source = await scratch?.open();
        if (source === undefined) continue;
        assert.equal(source.sizeBytes, (7 * 199 * 200) / 2);
        assert.deepEqual([...(await source.read((7 * 99 * 100) / 2 - 1, 3))], [99 + i, 100 + i, 100 + i]);
      }
      assert.equal(stage.sizeBytes, pack.bytes.length - 20);
      await stage.sidecar("idx", pack.idx);
      await stage.seal({ header: pack.bytes.slice(0, 12), trailer: pack.bytes.slice(-20) });
      const refs = [{ name: "refs/heads/aside", new: pack.commit }];
      await store.commit({ add: [stage], refs });
      await stage[Symbol.asyncDispose]();
      assert.ok((await packIds(store)).includes(pack.id));
    },
  },
  {
    name: "stage: seal puts the header over the first bytes and the trailer behind the last",
    needs: [],
    async run({ storage }) {
      const store = await storage.create("sealed");
      const pack = await makeTinyPack("sealed");
      const body = pack.bytes.slice(0, -20);
      const wrong = body.slice();
      wrong.fill(255, 0, 12);
      const stage = await store.stage();
      await stage.write(wrong);
      const info = await stage.seal({ header: body.slice(0, 12), trailer: pack.bytes.slice(-20) });
      assert.deepEqual(info, { id: pack.id, sizeBytes: pack.bytes.length });
      const source = await stage.open();
      assert.ok(Buffer.from(await source.read(0, source.sizeBytes)).equals(pack.bytes));
      // Sidecars may come after.
      await stage.sidecar("idx", pack.idx);
      await store.commit({ add: [stage], refs: [{ name: "refs/heads/main", new: pack.commit }] });
      assert.deepEqual(await packIds(store), [pack.id]);
      await rejectsWith("STORAGE_STAGE_EXPIRED", () => stage.write(body));
      await stage[Symbol.asyncDispose]();
      assert.deepEqual(await packIds(store), [pack.id]);
    },
  },
  {
    name: "stage: nothing of it is visible before its commit, nor after discard or disposal",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "quiet");
      for (const end of ["discard", "dispose"] as const) {
        const stage = await stagePack(store, await makeTinyPack(end));
        assert.deepEqual(await packIds(store), [pack.id]);
        await (end === "discard" ? stage.discard() : stage[Symbol.asyncDispose]());
        assert.deepEqual(await packIds(store), [pack.id]);
        await rejectsWith("STORAGE_STAGE_EXPIRED", () => stage.write(new Uint8Array(1)));
        await rejectsWith("STORAGE_STAGE_EXPIRED", () => stage.open());
        await rejectsWith("STORAGE_STAGE_EXPIRED", () => store.commit({ add: [stage], refs: [] }));
        await stage[Symbol.asyncDispose]();
      }
    },
  },
  {
    name: "stage: a commit takes only sealed stages of its own store",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "own");
      const other = await storage.create("other");
      const foreign = await stagePack(other, await makeTinyPack("foreign"));
      const open = await store.stage();
      await open.write(pack.bytes);
      const refs = [{ name: "refs/heads/x", new: pack.commit }];
      await rejectsWith("STORAGE_STAGE_EXPIRED", () => store.commit({ add: [foreign], refs }));
      await rejectsWith("STORAGE_STAGE_EXPIRED", () => store.commit({ add: [open], refs }));
      assert.deepEqual(await refLines(store), [`refs/heads/main ${pack.commit}`]);
      await open.discard();
      await foreign.discard();
    },
  },
  {
    name: "stage: packs land only where a ref has moved, and the stage survives a refusal",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "landing");
      const next = await makeTinyPack("next");
      const stage = await stagePack(store, next);
      const refused = await store.commit({
        add: [stage],
        refs: [{ name: "refs/heads/main", old: null, new: next.commit }],
      });
      assert.deepEqual([codesOf(refused), refused.committed], [["REF_CONFLICT"], false]);
      assert.deepEqual(await packIds(store), [pack.id]);
      const taken = await store.commit({
        add: [stage],
        refs: [{ name: "refs/heads/main", old: pack.commit, new: next.commit }],
      });
      assert.deepEqual([codesOf(taken), taken.committed], [[undefined], true]);
      assert.deepEqual(new Set(await packIds(store)), new Set([pack.id, next.id]));
      await stage[Symbol.asyncDispose]();
    },
  },
  {
    name: "stage: without refs the packs land",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "bare-pack");
      const next = await makeTinyPack("alone");
      assert.deepEqual(await push(store, next, {}), { refs: [], committed: true });
      assert.deepEqual(new Set(await packIds(store)), new Set([pack.id, next.id]));
      assert.deepEqual(await store.commit({}), { refs: [], committed: false });
    },
  },
  {
    name: "stage: two packs in one commit; a pack that is there already stays once",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "twice");
      const next = await makeTinyPack("beside");
      const stages = [await stagePack(store, pack), await stagePack(store, next)];
      const result = await store.commit({
        add: stages,
        refs: [{ name: "refs/heads/next", new: next.commit }],
      });
      assert.deepEqual(codesOf(result), [undefined]);
      for (const stage of stages) await stage[Symbol.asyncDispose]();
      assert.deepEqual((await packIds(store)).sort(), [pack.id, next.id].sort());
    },
  },
  {
    name: "stage: where hooks run on a disk, the stage has a path",
    needs: ["hooksOnDisk"],
    async run({ storage }) {
      const store = await storage.create("path");
      const stage = await stagePack(store, await makeTinyPack("path"));
      assert.equal(typeof stage.path, "string");
      await stage.discard();
    },
  },
];

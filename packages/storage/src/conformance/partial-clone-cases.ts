import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { createFilled, packIds, push, stagePack, withSnapshot } from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { makeTinyPack, unknownOid } from "./tiny-pack.ts";

const A = unknownOid("sha1", "a");
const B = unknownOid("sha1", "b");
const C = unknownOid("sha1", "c");

/** Packs of which a remote repository has the rest, and history that grows backwards. */
export const partialCloneCases: readonly ConformanceCase[] = [
  {
    name: "partial clones: maintenance tells promised packs from others",
    needs: ["partialClones", "maintenance"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "promised");
      const next = await makeTinyPack("promised next");
      assert.deepEqual(await push(store, next, { promised: true }), { refs: [], committed: true });
      assert.deepEqual((await packIds(store)).toSorted(), [pack.id, next.id].sort());
      const maintenance = await store.beginMaintenance!({ dryRun: true });
      const told = new Map((await maintenance.packs()).map(({ id, isPromised }) => [id, isPromised]));
      await maintenance[Symbol.asyncDispose]();
      assert.deepEqual([told.get(pack.id), told.get(next.id)], [false, true]);
    },
  },
  {
    name: "partial clones: promised packs go where promised ones have come, and no others",
    needs: ["partialClones", "maintenance"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "joined");
      const [one, whole] = [await makeTinyPack("joined one"), await makeTinyPack("joined whole")];
      await push(store, one, { promised: true });
      await setTimeout(20);
      const maintenance = await store.beginMaintenance!();
      const stage = await stagePack(store, whole);
      const others = await store.commit({ remove: { packs: [one.id] } });
      assert.deepEqual(others.removed, []);
      const { removed } = await store.commit({
        add: [stage],
        promised: true,
        remove: { packs: [one.id, pack.id] },
      });
      await stage[Symbol.asyncDispose]();
      assert.deepEqual(removed, [one.id]);
      const told = (await maintenance.packs()).filter(({ isPromised }) => isPromised === true);
      assert.deepEqual(
        told.map(({ id }) => id),
        [whole.id],
      );
      await maintenance[Symbol.asyncDispose]();
      assert.deepEqual((await packIds(store)).toSorted(), [pack.id, whole.id].sort());
    },
  },
  {
    name: "partial clones: shallow roots go, also while others come, and the last one leaves nothing",
    needs: ["partialClones"],
    async run({ storage }) {
      const { store } = await createFilled(storage, "deeper");
      const roots = (): Promise<readonly string[]> =>
        withSnapshot(store, async (view) => [...(await view.shallow())].sort());
      await store.commit({ shallow: [A, B] });
      const { committed } = await store.commit({ shallow: [C], unshallow: [A] });
      assert.deepEqual([committed, await roots()], [true, [B, C]]);
      await store.commit({ unshallow: [B, A] });
      assert.deepEqual(await roots(), [C]);
      assert.equal((await store.commit({ unshallow: [C] })).committed, true);
      assert.deepEqual(await roots(), []);
    },
  },
];

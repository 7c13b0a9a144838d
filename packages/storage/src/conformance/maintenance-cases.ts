import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { RepositoryStore, Snapshot } from "../contract.ts";
import type { Maintenance } from "../maintenance.ts";
import {
  codesOf,
  collect,
  createFilled,
  packIds,
  push,
  refLines,
  rejectsWith,
  stagePack,
  withSnapshot,
} from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { makeTinyPack } from "./tiny-pack.ts";

/** Clocks of stores may be coarse: what came before maintenance is to be older than it. */
const TICK_MS = 20;

async function begin(store: RepositoryStore): Promise<Maintenance> {
  await setTimeout(TICK_MS);
  assert.ok(store.beginMaintenance !== undefined, "declared and not there");
  return store.beginMaintenance();
}

/** Packs going away, and what is told of them before. */
export const maintenanceCases: readonly ConformanceCase[] = [
  {
    name: "maintenance: tells of each pack since when it is there, by the store's clock",
    needs: ["maintenance"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "told");
      const maintenance = await begin(store);
      const packs = await maintenance.packs();
      const [told] = packs;
      assert.deepEqual(packs, [{ ...told, id: pack.id, stays: false, isBorrowed: false, isCruft: false }]);
      const age = maintenance.startedMs - packs[0]!.modifiedMs;
      assert.ok(age > 0 && age < 60_000, `${age}`);
      assert.equal(typeof maintenance.mayDrop, "boolean");
      assert.deepEqual(await collect(maintenance.loose()), []);
      await maintenance[Symbol.asyncDispose]();
    },
  },
  {
    name: "maintenance: one at a time; looking disturbs nobody; over is over, however often it is disposed",
    needs: ["maintenance"],
    async run({ storage }) {
      const { store } = await createFilled(storage, "single");
      const other = await storage.open("single");
      const first = await begin(store);
      await rejectsWith("STORAGE_BUSY", () => begin(other));
      await rejectsWith("STORAGE_BUSY", () => begin(store));
      const looking = await other.beginMaintenance!({ dryRun: true });
      assert.equal((await looking.packs()).length, 1);
      await looking[Symbol.asyncDispose]();
      await rejectsWith("STORAGE_BUSY", () => begin(other));
      await first[Symbol.asyncDispose]();
      const second = await begin(other);
      await first[Symbol.asyncDispose]();
      await rejectsWith("STORAGE_BUSY", () => begin(store));
      await second[Symbol.asyncDispose]();
    },
  },
  {
    name: "maintenance: packs go where others have come; who has one open reads on, and refs stay",
    needs: ["maintenance"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "replaced");
      const next = await makeTinyPack("next");
      const refs = [{ name: "refs/heads/next", old: null, new: next.commit }];
      await push(store, next, { refs });
      const before = await refLines(store);
      const whole = await makeTinyPack("whole");
      await withSnapshot(store, async (view) => {
        const open = await view.openPack(pack.id);
        const maintenance = await begin(store);
        const stage = await stagePack(store, whole);
        const result = await store.commit({
          add: [stage],
          remove: { packs: [pack.id, next.id, "0".repeat(40)] },
        });
        assert.deepEqual([result.refs, result.committed], [[], true]);
        assert.deepEqual([...(result.removed ?? [])].sort(), [pack.id, next.id].sort());
        await stage[Symbol.asyncDispose]();
        await maintenance[Symbol.asyncDispose]();
        assert.deepEqual(await packIds(store), [whole.id]);
        assert.ok(Buffer.from(await open.read(0, open.sizeBytes)).equals(pack.bytes));
        assert.ok(Buffer.from((await open.sidecar("idx"))!).equals(pack.idx));
        await open[Symbol.asyncDispose]();
      });
      assert.deepEqual(await refLines(store), before);
      await withSnapshot(store, async (view) => {
        await rejectsWith("STORAGE_NOT_FOUND", () => view.openPack(pack.id));
      });
    },
  },
  {
    name: "maintenance: a pack that lands with the removal stays, though it is named",
    needs: ["maintenance"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "again");
      const maintenance = await begin(store);
      const stage = await stagePack(store, pack);
      const { removed } = await store.commit({ add: [stage], remove: { packs: [pack.id] } });
      assert.deepEqual(removed, []);
      await stage[Symbol.asyncDispose]();
      await maintenance[Symbol.asyncDispose]();
      assert.deepEqual(await packIds(store), [pack.id]);
    },
  },
  {
    name: "maintenance: nothing goes that is not confirmed on the newest view",
    needs: ["maintenance"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "asked");
      const maintenance = await begin(store);
      const seen: string[] = [];
      const confirm = async (view: Snapshot): Promise<boolean> => {
        for await (const { name } of view.refs()) seen.push(name);
        return false;
      };
      await store.commit({ refs: [{ name: "refs/heads/late", old: null, new: pack.commit }] });
      const { removed } = await store.commit({ remove: { packs: [pack.id], confirm } });
      assert.deepEqual([removed, seen], [[], ["refs/heads/late", "refs/heads/main"]]);
      assert.deepEqual(await packIds(store), [pack.id]);
      await assert.rejects(
        store.commit({
          remove: {
            packs: [pack.id],
            confirm: () => Promise.reject(new Error("no answer")),
          },
        }),
        /no answer/,
      );
      assert.deepEqual(await packIds(store), [pack.id]);
      await maintenance[Symbol.asyncDispose]();
    },
  },
  {
    name: "maintenance: without one nothing is removed, nor together with refs",
    needs: ["maintenance"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "refused");
      const remove = { packs: [pack.id] };
      await rejectsWith("STORAGE_UNSUPPORTED", () => store.commit({ remove }));
      const maintenance = await begin(store);
      const refs = [{ name: "refs/heads/x", new: pack.commit }];
      await rejectsWith("STORAGE_UNSUPPORTED", () => store.commit({ remove, refs }));
      await maintenance[Symbol.asyncDispose]();
      await rejectsWith("STORAGE_UNSUPPORTED", () => store.commit({ remove }));
      assert.deepEqual(await packIds(store), [pack.id]);
    },
  },
  {
    name: "maintenance: refs that were proved before objects were dropped are to be proved again, others are not",
    needs: ["maintenance", "consistentSnapshot"],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "proved");
      const spare = await makeTinyPack("spare");
      await push(store, spare, {});
      const tokenNow = (): Promise<string> => withSnapshot(store, async ({ token }) => token);
      const asked = (name: string, provedOn: string) =>
        store.commit({ refs: [{ name, old: null, new: pack.commit }], provedOn });
      const before = await tokenNow();
      const maintenance = await begin(store);
      const lossless = await makeTinyPack("lossless");
      await push(store, lossless, {});
      await store.commit({ remove: { packs: [lossless.id] } });
      assert.deepEqual(codesOf(await asked("refs/heads/a", before)), [undefined]);
      await store.commit({ remove: { packs: [spare.id], isLossy: true } });
      await maintenance[Symbol.asyncDispose]();
      const refused = await asked("refs/heads/b", before);
      assert.deepEqual([codesOf(refused), refused.committed], [["REVALIDATE"], false]);
      assert.deepEqual(codesOf(await asked("refs/heads/b", await tokenNow())), [undefined]);
    },
  },
  {
    name: "maintenance: a pack with times of its objects is told from others",
    needs: ["maintenance"],
    async run({ storage }) {
      const { store } = await createFilled(storage, "cruft");
      const pack = await makeTinyPack("unreached");
      const stage = await stagePack(store, pack);
      await stage.sidecar("mtimes", Buffer.from("times"));
      await store.commit({ add: [stage] });
      await stage[Symbol.asyncDispose]();
      const maintenance = await begin(store);
      const cruft = (await maintenance.packs()).filter(({ isCruft }) => isCruft);
      assert.deepEqual(
        cruft.map(({ id }) => id),
        [pack.id],
      );
      await withSnapshot(store, async (view) => {
        const open = await view.openPack(pack.id);
        assert.equal(Buffer.from((await open.sidecar("mtimes"))!).toString(), "times");
        await open[Symbol.asyncDispose]();
      });
      await store.commit({ remove: { packs: [pack.id] } });
      assert.deepEqual((await maintenance.packs()).length, 1);
      await maintenance[Symbol.asyncDispose]();
    },
  },
];

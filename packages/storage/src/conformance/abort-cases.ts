import assert from "node:assert/strict";
import { collect, createFilled, refLines, stagePack } from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { makeTinyPack } from "./tiny-pack.ts";

/** Aborts and capabilities. */
export const abortCases: readonly ConformanceCase[] = [
  {
    name: "abort: every operation throws signal.reason",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "abort");
      const reason = new Error("enough");
      const { signal } = aborted(reason);
      const view = await store.snapshot();
      const handle = await view.openPack(pack.id);
      const operations: Readonly<Record<string, () => Promise<unknown>>> = {
        open: () => storage.open("abort", { signal }),
        create: () => storage.create("other", { signal }),
        list: () => collect(storage.list({ signal })),
        remove: () => storage.remove("abort", { signal }),
        snapshot: () => store.snapshot({ signal }),
        stage: () => store.stage({ signal }),
        commit: () => store.commit({ refs: [{ name: "refs/heads/x", new: pack.commit }] }, { signal }),
        head: () => view.head({ signal }),
        refs: () => collect(view.refs({ signal })),
        refBatches: () => collect(view.refBatches({ signal })),
        ref: () => view.ref("refs/heads/main", { signal }),
        packs: () => view.packs({ signal }),
        openPack: () => view.openPack(pack.id, { signal }),
        read: () => handle.read(0, 4, { signal }),
        sidecar: () => handle.sidecar("idx", { signal }),
        openLoose: () => view.openLoose(pack.commit, { signal }),
        shallow: () => view.shallow({ signal }),
        config: () => view.config({ signal }),
      };
      for (const [name, operation] of Object.entries(operations)) {
        await assert.rejects(operation, (error) => error === reason, name);
      }
      await handle[Symbol.asyncDispose]();
      await view[Symbol.asyncDispose]();
      assert.deepEqual(await collect(storage.list()), ["abort"]);
      assert.equal((await refLines(store)).length, 1);
    },
  },
  {
    name: "abort: in the middle of a loop",
    needs: [],
    async run({ storage }) {
      // More than one page or batch of any backend.
      const refs = Array.from({ length: 1200 }, (_, index) => `refs/heads/n${index}`);
      const { store } = await createFilled(storage, "loop", refs);
      const controller = new AbortController();
      const reason = new Error("in the middle");
      const view = await store.snapshot();
      let seen = 0;
      await assert.rejects(
        async () => {
          for await (const _ of view.refs({ signal: controller.signal })) {
            if (++seen === 10) controller.abort(reason);
          }
        },
        (error) => error === reason,
      );
      assert.ok(seen < refs.length);
      await view[Symbol.asyncDispose]();
    },
  },
  {
    name: "abort: a stage whose signal is aborted takes no more, and can be discarded",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "stage");
      const controller = new AbortController();
      const reason = new Error("hung up");
      const stage = await store.stage({ signal: controller.signal });
      await stage.write(pack.bytes.slice(0, 20));
      controller.abort(reason);
      await assert.rejects(stage.write(pack.bytes.slice(20)), (error) => error === reason);
      await stage[Symbol.asyncDispose]();
    },
  },
  {
    name: "abort: from inside check nothing is committed",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "late");
      const next = await makeTinyPack("late abort");
      const stage = await stagePack(store, next);
      const controller = new AbortController();
      const reason = new Error("too late to want it");
      const commit = store.commit(
        {
          add: [stage],
          refs: [{ name: "refs/heads/main", new: next.commit }],
          check: async () => {
            controller.abort(reason);
            return [];
          },
        },
        { signal: controller.signal },
      );
      await assert.rejects(commit, (error) => error === reason);
      await stage[Symbol.asyncDispose]();
      assert.deepEqual(await refLines(store), [`refs/heads/main ${pack.commit}`]);
    },
  },
  {
    name: "capabilities: what is not declared is not there",
    needs: [],
    async run({ storage }) {
      const { store, pack } = await createFilled(storage, "declared");
      assert.deepEqual(store.capabilities, storage.capabilities);
      const view = await store.snapshot();
      if (!storage.capabilities.looseObjects) {
        assert.equal(await view.openLoose(pack.commit), undefined);
        assert.deepEqual(await collect(view.listLoose()), []);
      }
      if (!storage.capabilities.alternates) assert.deepEqual(await collect(view.alternateTips()), []);
      const stage = await store.stage();
      if (!storage.capabilities.hooksOnDisk) assert.equal(stage.path, undefined);
      await stage.discard();
      await view[Symbol.asyncDispose]();
    },
  },
];

function aborted(reason: Error): AbortController {
  const controller = new AbortController();
  controller.abort(reason);
  return controller;
}

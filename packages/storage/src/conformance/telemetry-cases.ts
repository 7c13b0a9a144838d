import assert from "node:assert/strict";
import { type AnySpanMessage, subscribe } from "@millrace/telemetry";
import { createFilled, push, readRefs } from "./actions.ts";
import type { ConformanceCase } from "./case.ts";
import { makeTinyPack } from "./tiny-pack.ts";

/** What observers are told. */
export const telemetryCases: readonly ConformanceCase[] = [
  {
    name: "telemetry: listing refs, landing packs and commits are spans with their numbers",
    needs: [],
    async run({ storage }) {
      const { store } = await createFilled(storage, "observed", ["refs/heads/a", "refs/heads/b"]);
      const pack = await makeTinyPack("observed 2");
      const spans: AnySpanMessage[] = [];
      const unsubscribe = subscribe({ stop: (span) => void spans.push(span) });
      try {
        await readRefs(store, { prefixes: ["refs/heads/"] });
        await push(store, pack, { refs: [{ name: "refs/heads/a", new: pack.commit }] });
        await push(store, pack, {
          refs: [{ name: "refs/heads/a", old: null, new: pack.commit }],
          atomic: true,
        });
      } finally {
        unsubscribe();
      }
      const { backend } = storage;
      const found = (name: string): unknown[] =>
        spans
          .filter((span) => span.name === name)
          .map(({ measurements, metadata }) => ({ ...measurements, ...metadata }))
          .filter((fields) => (fields as { backend?: unknown }).backend === backend);
      assert.deepEqual(found("storage.list_refs"), [{ ref_count: 2, ref_prefix: "refs/heads/", backend }]);
      assert.deepEqual(found("storage.put_pack"), [
        { pack_size: pack.bytes.length, idx_size: pack.idx.length, pack_id: pack.id, backend },
      ]);
      assert.deepEqual(found("storage.commit"), [
        { ref_count: 1, pack_count: 1, backend, atomic: false, outcome: "committed" },
        { ref_count: 1, pack_count: 1, backend, atomic: true, outcome: "rejected" },
      ]);
    },
  },
];

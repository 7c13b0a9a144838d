import fc from "fast-check";
import { expect, it } from "vitest";
import type { StoredRef } from "@millrace/storage";
import { storeRefs } from "../refs/stored-refs.ts";
import type { StoredTable } from "./schema.ts";
import { decodeManifest, encodeRemoved, encodeState, TOMBSTONE_BYTES } from "./codec.ts";
import {
  newState,
  nextState,
  type RepositoryState,
  sealState,
  withRemoved,
  withTransaction,
} from "./repository-state.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

const oid = fc.stringMatching(/^[0-9a-f]{40}$/);
const ref: fc.Arbitrary<StoredRef | null> = fc.oneof(
  oid.map((each) => ({ oid: each })),
  fc.record({ oid, peeled: fc.option(oid) }),
  fc.constant({ symref: "refs/heads/main" }),
  fc.constant(null),
);

function stateOf(
  refs: ReadonlyMap<string, StoredRef | null>,
  tables: readonly StoredTable[] = [],
): RepositoryState {
  const config = [{ key: "receive.denydeletes", value: "true" }];
  const empty = newState({ objectFormat: "sha1", head: "refs/heads/main", config });
  const file = { key: `data/${empty.life}/x.pack`, sizeBytes: 100 };
  const pack = { id: "a".repeat(40), files: [file], pack: [0, 0, 60], idx: [0, 60, 40] } as const;
  const changes = { refs, packs: [pack], shallow: ["b".repeat(40)] };
  const based = { ...empty, refs: storeRefs(empty.refs.inline, tables) };
  const filled = nextState(based, changes, NOW_MS);
  const left = { key: `data/${empty.life}/y.parts`, sizeBytes: 7 };
  return sealState(withRemoved(filled, [left], NOW_MS), { id: "me", nowMs: NOW_MS, keptMs: 1000 });
}

it("reads what it has written, whatever the names of refs", () => {
  const name = fc.string({ unit: "grapheme" }).map((text) => `refs/heads/${text}`);
  fc.assert(
    fc.property(fc.array(fc.tuple(name, ref)), fc.boolean(), (entries, isPeeled) => {
      const tables = [{ key: "data/life/x.refs", sizeBytes: 100, isPeeled }];
      const state = stateOf(new Map(entries), tables);
      const again = decodeManifest(encodeState(state), "key") as RepositoryState;
      expect(again.refs.inline).toEqual(state.refs.inline);
      expect(again.refs.inline.size).toBe(new Map(entries).size + 1);
      expect(again.refs.tables).toEqual(tables);
      const rest = (each: RepositoryState): unknown =>
        JSON.parse(JSON.stringify({ ...each, refs: undefined, config: each.config.entries }));
      expect(rest(again)).toEqual(rest(state));
    }),
  );
});

it("reads the first form, which had neither tables nor peeled ids", () => {
  const state = stateOf(new Map([["refs/heads/x", { oid: "c".repeat(40) }]]));
  const { tables: _tables, ...rest } = JSON.parse(Buffer.from(encodeState(state)).toString()) as {
    tables: unknown;
  };
  const again = decodeManifest(Buffer.from(JSON.stringify({ ...rest, format: 1 })), "key") as RepositoryState;
  expect(again.refs.inline).toEqual(state.refs.inline);
  expect(again.refs.tables).toEqual([]);
});

it("has a typed error for whatever else lies under the key", () => {
  const whole = Buffer.from(encodeState(stateOf(new Map([["refs/heads/x", { oid: "c".repeat(40) }]]))));
  const damaged = fc
    .tuple(fc.nat(whole.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.boolean())
    .map(([at, bytes, isCut]) => {
      if (isCut) return whole.subarray(0, at);
      const copy = Buffer.from(whole);
      copy.set(bytes.subarray(0, copy.length - at), at);
      return copy;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from), damaged), (bytes) => {
      try {
        decodeManifest(bytes, "the/key");
      } catch (error) {
        expect(error).toMatchObject({
          code: expect.stringMatching(/^STORAGE_(CORRUPT|UNSUPPORTED)$/),
          key: "the/key",
        });
      }
    }),
  );
});

it("tells a tombstone from a manifest, and tombstones are small", () => {
  const removedLife = newState({ objectFormat: "sha1", head: "refs/heads/main", config: [] }).life;
  const transactions = withTransaction([], { id: removedLife, nowMs: NOW_MS, keptMs: 1000 });
  const bytes = encodeRemoved({ removedLife, removedMs: NOW_MS, transactions });
  expect(decodeManifest(bytes, "key")).toMatchObject({ removedLife, removedMs: NOW_MS });
  expect(bytes.length).toBeLessThan(TOMBSTONE_BYTES);
});

it("remembers writes for some time", () => {
  const kept = withTransaction(
    [
      ["old", NOW_MS - 1001],
      ["young", NOW_MS - 999],
      ["ahead", NOW_MS + 500],
    ],
    { id: "me", nowMs: NOW_MS, keptMs: 1000 },
  );
  expect(kept).toEqual([
    ["young", NOW_MS - 999],
    ["ahead", NOW_MS + 500],
    ["me", NOW_MS],
  ]);
});

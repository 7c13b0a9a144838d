import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeManifest, encodeRemoved, encodeState, TOMBSTONE_BYTES } from "./codec.ts";
import { newState, nextState, type RepositoryState, sealState, withTransaction } from "./repository-state.ts";

const oid = fc.stringMatching(/^[0-9a-f]{40}$/);
const ref = fc.oneof(
  oid.map((each) => ({ oid: each })),
  fc.constant({ symref: "refs/heads/main" }),
);

function stateOf(refs: ReadonlyMap<string, { oid: string } | { symref: string }>): RepositoryState {
  const config = [{ key: "receive.denydeletes", value: "true" }];
  const empty = newState({ objectFormat: "sha1", head: "refs/heads/main", config });
  const file = { key: `data/${empty.life}/x.pack`, sizeBytes: 100 };
  const pack = { id: "a".repeat(40), files: [file], pack: [0, 0, 60], idx: [0, 60, 40] } as const;
  const changes = { refs: refs as never, packs: [pack], shallow: ["b".repeat(40)] };
  return sealState(nextState(empty, changes), "me", 1000);
}

it("reads what it has written, whatever the names of refs", () => {
  const name = fc.string({ unit: "grapheme" }).map((text) => `refs/heads/${text}`);
  fc.assert(
    fc.property(fc.array(fc.tuple(name, ref)), (entries) => {
      const state = stateOf(new Map(entries));
      const again = decodeManifest(encodeState(state), "key") as RepositoryState;
      expect(again.refs.names).toEqual(state.refs.names);
      for (const each of ["HEAD", ...state.refs.names]) {
        expect(again.refs.get(each)).toEqual(state.refs.get(each));
      }
      const rest = (each: RepositoryState): unknown =>
        JSON.parse(JSON.stringify({ ...each, refs: undefined, config: each.config.entries }));
      expect(rest(again)).toEqual(rest(state));
    }),
  );
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
  const bytes = encodeRemoved({ removedLife, transactions: withTransaction([], removedLife, 1000) });
  expect(decodeManifest(bytes, "key")).toMatchObject({ removedLife });
  expect(bytes.length).toBeLessThan(TOMBSTONE_BYTES);
});

it("remembers writes for some time, by the newest clock there is", () => {
  const future = Date.now() + 60_000;
  const kept = withTransaction(
    [
      ["old", future - 1001],
      ["young", future - 999],
      ["ahead", future],
    ],
    "me",
    1000,
  );
  expect(kept.map(([id]) => id)).toEqual(["young", "ahead", "me"]);
});

import { expect, it } from "vitest";
import { newState, nextState, sealState, type UploadedPack } from "./repository-state.ts";

const empty = newState({ objectFormat: "sha1", head: "refs/heads/main", config: [] });
const pack = (id: string, key: string): UploadedPack => ({
  id: id.repeat(40),
  files: [{ key: `data/${empty.life}/${key}`, sizeBytes: 100 }],
  pack: [0, 0, 60],
  idx: [0, 60, 40],
});
const nothing = { refs: new Map(), packs: [], shallow: [] };

it("puts the files of packs that go on the list of those that are deleted, and keeps what landed again", () => {
  const two = nextState(empty, { ...nothing, packs: [pack("a", "a"), pack("b", "b")] }, 1000);
  expect(two.packs.map(({ id, landedMs }) => [id[0], landedMs])).toEqual([
    ["b", 1000],
    ["a", 1000],
  ]);
  const removed = new Set(["a".repeat(40)]);
  const one = nextState(two, { ...nothing, packs: [pack("c", "c"), pack("b", "other")], removed }, 2000);
  expect(one.packs.map(({ id, landedMs }) => [id[0], landedMs])).toEqual([
    ["c", 2000],
    ["b", 1000],
  ]);
  expect(one.removed).toEqual([{ key: `data/${empty.life}/a`, sizeBytes: 100, removedMs: 2000 }]);
});

it("notes the generation that drops objects, which is the one that is written next", () => {
  const full = nextState(empty, { ...nothing, packs: [pack("a", "a")] }, 1000);
  const removed = new Set(["a".repeat(40)]);
  const writer = { id: "me", nowMs: 2000, keptMs: 1000 };
  const sealed = sealState(full, writer);
  expect(sealed).toMatchObject({ generation: 1, lossyRemovalAt: 0 });
  expect(nextState(sealed, { ...nothing, removed }, 2000).lossyRemovalAt).toBe(0);
  const nobody = new Set(["f".repeat(40)]);
  expect(nextState(sealed, { ...nothing, removed: nobody, isLossy: true }, 2000).lossyRemovalAt).toBe(0);
  const dropped = nextState(sealed, { ...nothing, removed, isLossy: true }, 2000);
  expect(sealState(dropped, writer)).toMatchObject({ generation: 2, lossyRemovalAt: 2, packs: [] });
});

import { KIND_REF_DELTA } from "../scan/pack-entry.ts";
import type { EntryTable } from "./entry-table.ts";

/** Deltas that name their base by id, grouped by base; found by the ids of objects as these become known. */
export interface RefGroups {
  readonly count: number;
  /** Raw ids of the bases, one behind the other. */
  readonly keys: Uint8Array;
  /** First delta of each group, the others by `nextSibling`; -1 once the group has found its base. */
  readonly first: Int32Array;
  /** 1 where the base turned out to be in the pack. */
  readonly inPack: Uint8Array;
  /** The group whose base has the raw id at `at` of `oids`, or -1. */
  find(oids: Uint8Array, at: number): number;
}

/** Groups the REF_DELTA entries of a table in an open-addressed hash table, linking each group by `nextSibling`. */
export function groupRefDeltas(table: EntryTable, refCount: number, nextSibling: Int32Array): RefGroups {
  const { hashBytes } = table;
  let slotCount = 16;
  while (slotCount < refCount * 2) slotCount *= 2;
  const mask = slotCount - 1;
  const slots = new Int32Array(slotCount).fill(-1);
  const keys = new Uint8Array(refCount * hashBytes);
  const first = new Int32Array(refCount);
  let count = 0;

  /** The slot that holds this id or is free for it; ids are hashes, so their first bytes spread well enough. */
  function slotOf(oids: Uint8Array, at: number): number {
    const word = oids[at]! | (oids[at + 1]! << 8) | (oids[at + 2]! << 16) | (oids[at + 3]! << 24);
    let slot = (word ^ (oids[at + 4]! * 0x9e3779b1)) & mask;
    for (;;) {
      const group = slots[slot]!;
      if (group < 0 || isEqual(keys, group * hashBytes, oids, at, hashBytes)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  if (refCount > 0) {
    // From the last to the first, so that each group lists its deltas in pack order.
    for (let entry = table.count - 1; entry >= 0; entry--) {
      if (table.kinds[entry] !== KIND_REF_DELTA) continue;
      const at = entry * hashBytes;
      const slot = slotOf(table.oids, at);
      let group = slots[slot]!;
      if (group < 0) {
        group = count++;
        slots[slot] = group;
        keys.set(table.oids.subarray(at, at + hashBytes), group * hashBytes);
        first[group] = -1;
      }
      nextSibling[entry] = first[group]!;
      first[group] = entry;
    }
  }

  return {
    count,
    keys,
    first,
    inPack: new Uint8Array(count),
    find(oids, at) {
      return count === 0 ? -1 : slots[slotOf(oids, at)]!;
    },
  };
}

function isEqual(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

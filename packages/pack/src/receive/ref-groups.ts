import { KIND_REF_DELTA } from "../scan/pack-entry.ts";
import type { EntryColumns } from "./entry-table.ts";

/**
 * Deltas that name their base by id, grouped by base, in memory that threads share: an open-addressed table from the
 * base's id to its group.
 */
export interface RefGroups {
  readonly count: number;
  /** Group numbers by slot, -1 for free ones; the length is a power of two. */
  readonly slots: Int32Array;
  /** Raw ids of the bases, one behind the other. */
  readonly keys: Uint8Array;
  /** First delta of each group, the others by `nextSibling`; -1 once the group has found its base. */
  readonly first: Int32Array;
  /** 1 where the base turned out to be in the pack. */
  readonly inPack: Uint8Array;
}

/** Groups the REF_DELTA entries, linking each group by `nextSibling`. */
export function groupRefDeltas(columns: EntryColumns, refCount: number, nextSibling: Int32Array): RefGroups {
  const { hashBytes, kinds, oids } = columns;
  let slotCount = 16;
  while (slotCount < refCount * 2) slotCount *= 2;
  const slots = new Int32Array(new SharedArrayBuffer(slotCount * 4)).fill(-1);
  const keys = new Uint8Array(new SharedArrayBuffer(refCount * hashBytes));
  const first = new Int32Array(new SharedArrayBuffer(refCount * 4));
  let count = 0;
  // From the last to the first, so that each group lists its deltas in pack order.
  for (let entry = columns.count - 1; refCount > 0 && entry >= 0; entry--) {
    if (kinds[entry] !== KIND_REF_DELTA) continue;
    const at = entry * hashBytes;
    const slot = slotOf(slots, keys, hashBytes, oids, at);
    let group = slots[slot]!;
    if (group < 0) {
      group = count++;
      slots[slot] = group;
      keys.set(oids.subarray(at, at + hashBytes), group * hashBytes);
      first[group] = -1;
    }
    nextSibling[entry] = first[group]!;
    first[group] = entry;
  }
  return { count, slots, keys, first, inPack: new Uint8Array(new SharedArrayBuffer(count)) };
}

/** The group whose base has the raw id at `at` of `oids`, or -1. */
export function findGroup(groups: RefGroups, hashBytes: number, oids: Uint8Array, at: number): number {
  if (groups.count === 0) return -1;
  return groups.slots[slotOf(groups.slots, groups.keys, hashBytes, oids, at)]!;
}

/** The slot that holds this id or is free for it; ids are hashes, so their first bytes spread well enough. */
function slotOf(
  slots: Int32Array,
  keys: Uint8Array,
  hashBytes: number,
  oids: Uint8Array,
  at: number,
): number {
  const mask = slots.length - 1;
  const word = oids[at]! | (oids[at + 1]! << 8) | (oids[at + 2]! << 16) | (oids[at + 3]! << 24);
  let slot = (word ^ (oids[at + 4]! * 0x9e3779b1)) & mask;
  for (;;) {
    const group = slots[slot]!;
    if (group < 0 || isEqual(keys, group * hashBytes, oids, at, hashBytes)) return slot;
    slot = (slot + 1) & mask;
  }
}

function isEqual(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

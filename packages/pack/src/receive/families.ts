import { KIND_OFS_DELTA } from "../scan/pack-entry.ts";
import type { EntryTable } from "./entry-table.ts";
import { groupRefDeltas, type RefGroups } from "./ref-groups.ts";

/** Which entries are deltas on which, as linked lists; -1 ends a list. */
export interface Families {
  readonly firstChild: Int32Array;
  readonly nextSibling: Int32Array;
  readonly groups: RefGroups;
}

/**
 * Links deltas to their bases. The child with the most descendants comes last in its list: a walk that lets go of a
 * base with its last child then never holds more than log2(n) bases (deltas by id, whose bases are not known yet, do
 * not count).
 */
export function linkFamilies(table: EntryTable, refCount: number): Families {
  const { count, kinds, bases } = table;
  const firstChild = new Int32Array(count).fill(-1);
  const nextSibling = new Int32Array(count).fill(-1);
  const groups = groupRefDeltas(table, refCount, nextSibling);

  // Bases come before their deltas, so one pass from behind sums up all descendants.
  const weights = new Uint32Array(count).fill(1);
  const heaviest = new Int32Array(count).fill(-1);
  for (let entry = count - 1; entry >= 0; entry--) {
    if (kinds[entry] !== KIND_OFS_DELTA) continue;
    const base = bases[entry]!;
    weights[base]! += weights[entry]!;
    const other = heaviest[base]!;
    if (other < 0 || weights[entry]! > weights[other]!) heaviest[base] = entry;
  }
  for (let entry = 0; entry < count; entry++) firstChild[entry] = heaviest[entry]!;
  for (let entry = count - 1; entry >= 0; entry--) {
    if (kinds[entry] !== KIND_OFS_DELTA) continue;
    const base = bases[entry]!;
    if (heaviest[base] === entry) continue;
    nextSibling[entry] = firstChild[base]!;
    firstChild[base] = entry;
  }
  return { firstChild, nextSibling, groups };
}

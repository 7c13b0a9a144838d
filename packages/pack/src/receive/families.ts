import { KIND_OFS_DELTA } from "../scan/pack-entry.ts";
import type { EntryColumns } from "./entry-table.ts";
import { findGroup, groupRefDeltas, type RefGroups } from "./ref-groups.ts";

/** Which entries are deltas on which, as linked lists in memory that threads share; -1 ends a list. */
export interface Families {
  readonly firstChild: Int32Array;
  readonly nextSibling: Int32Array;
  readonly groups: RefGroups;
  /** Entries that are no deltas and have some, the heaviest families first. */
  readonly roots: Int32Array;
}

/** How fine the weights of families are told apart when they are put in order. */
const WEIGHT_CLASSES = 32;

/**
 * Links deltas to their bases. The child with the most descendants comes last in its list: a walk that lets go of a
 * base with its last child then never holds more than log2(n) bases (deltas by id, whose bases are not known yet, do
 * not count).
 */
export function linkFamilies(columns: EntryColumns, refCount: number): Families {
  const { count, kinds, bases } = columns;
  const firstChild = new Int32Array(new SharedArrayBuffer(count * 4)).fill(-1);
  const nextSibling = new Int32Array(new SharedArrayBuffer(count * 4)).fill(-1);
  const groups = groupRefDeltas(columns, refCount, nextSibling);

  // Bases come before their deltas, so one pass from behind sums up all descendants.
  const weights = new Uint32Array(count).fill(1);
  for (let entry = count - 1; entry >= 0; entry--) {
    if (kinds[entry] !== KIND_OFS_DELTA) continue;
    const base = bases[entry]!;
    weights[base]! += weights[entry]!;
    const heaviest = firstChild[base]!;
    if (heaviest < 0 || weights[entry]! > weights[heaviest]!) firstChild[base] = entry;
  }
  const heaviest = firstChild.slice();
  for (let entry = count - 1; entry >= 0; entry--) {
    if (kinds[entry] !== KIND_OFS_DELTA) continue;
    const base = bases[entry]!;
    if (heaviest[base] === entry) continue;
    nextSibling[entry] = firstChild[base]!;
    firstChild[base] = entry;
  }
  const families = { firstChild, nextSibling, groups, roots: new Int32Array(0) };
  for (let entry = 0; entry < count; entry++) {
    if (kinds[entry]! < KIND_OFS_DELTA) adoptByOid(columns, families, entry);
  }
  return { ...families, roots: orderRoots(columns, firstChild, weights) };
}

/** Takes in the deltas that name an entry by the id that it now has; of threads that find it at once, one does. */
export function adoptByOid(columns: EntryColumns, families: Families, entry: number): void {
  const { groups, firstChild, nextSibling } = families;
  const group = findGroup(groups, columns.hashBytes, columns.oids, entry * columns.hashBytes);
  if (group < 0) return;
  groups.inPack[group] = 1;
  const first = takeGroup(columns, families, group, entry);
  if (first < 0) return;
  let last = first;
  while (nextSibling[last]! >= 0) last = nextSibling[last]!;
  nextSibling[last] = firstChild[entry]!;
  firstChild[entry] = first;
}

/** Takes a group's deltas for their base, -1 for one from outside; answers the first, or -1 where they were taken. */
export function takeGroup(columns: EntryColumns, families: Families, group: number, base: number): number {
  const first = Atomics.exchange(families.groups.first, group, -1);
  for (let child = first; child >= 0; child = families.nextSibling[child]!) columns.bases[child] = base;
  return first;
}

/** By falling weight, roughly, and within a class in pack order: the last ones to be worked on are small. */
function orderRoots(columns: EntryColumns, firstChild: Int32Array, weights: Uint32Array): Int32Array {
  const classOf = (entry: number): number => Math.clz32(weights[entry]!);
  const starts = new Uint32Array(WEIGHT_CLASSES + 1);
  const isRoot = (entry: number): boolean =>
    columns.kinds[entry]! < KIND_OFS_DELTA && firstChild[entry]! >= 0;
  for (let entry = 0; entry < columns.count; entry++) if (isRoot(entry)) starts[classOf(entry) + 1]!++;
  for (let i = 1; i <= WEIGHT_CLASSES; i++) starts[i]! += starts[i - 1]!;
  const roots = new Int32Array(new SharedArrayBuffer(starts[WEIGHT_CLASSES]! * 4));
  for (let entry = 0; entry < columns.count; entry++) {
    if (isRoot(entry)) roots[starts[classOf(entry)]!++] = entry;
  }
  return roots;
}

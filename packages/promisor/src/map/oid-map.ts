import type { Oid } from "@millrace/pack";

/**
 * A map from object ids that never changes: a changed one shares nearly all of its nodes with the one it came from
 * (a hash array mapped trie; ids are hashes already).
 */
export interface OidMap<Value> extends Iterable<readonly [Oid, Value]> {
  readonly size: number;
  get(oid: Oid): Value | undefined;
  /** This map with these entries, later ones over earlier ones. */
  with(entries: Iterable<readonly [Oid, Value]>): OidMap<Value>;
  /** This map without these ids. */
  without(oids: Iterable<Oid>): OidMap<Value>;
}

/** Five bits of an id choose a slot at each level; what the first 30 bits do not tell apart shares a list. */
const BITS = 5;
const MASK = 31;
const LAST_SHIFT = 25;

interface Leaf<Value> {
  readonly oid: Oid;
  readonly hash: number;
  readonly value: Value;
}

/** Slots that are there, in the order of their bits. Below the last level `bits` is unused and `slots` a list of leaves. */
interface Branch<Value> {
  bits: number;
  readonly slots: (Branch<Value> | Leaf<Value>)[];
  /** The change that made it, and may still change it. */
  readonly owner: object;
}

const NOBODY = {};

/** A map without entries. */
export function emptyOidMap<Value>(): OidMap<Value> {
  return new TrieMap<Value>({ bits: 0, slots: [], owner: NOBODY }, 0);
}

class TrieMap<Value> implements OidMap<Value> {
  readonly #root: Branch<Value>;
  readonly size: number;

  constructor(root: Branch<Value>, size: number) {
    this.#root = root;
    this.size = size;
  }

  get(oid: Oid): Value | undefined {
    const hash = hashOf(oid);
    let branch = this.#root;
    for (let shift = 0; shift <= LAST_SHIFT; shift += BITS) {
      const bit = bitOf(hash, shift);
      if ((branch.bits & bit) === 0) return undefined;
      const slot = branch.slots[indexOf(branch.bits, bit)]!;
      if (!isBranch(slot)) return slot.oid === oid ? slot.value : undefined;
      branch = slot;
    }
    return (branch.slots as Leaf<Value>[]).find((leaf) => leaf.oid === oid)?.value;
  }

  with(entries: Iterable<readonly [Oid, Value]>): OidMap<Value> {
    const owner = {};
    let root = this.#root;
    let size = this.size;
    for (const [oid, value] of entries) {
      const before = root;
      const leaf = { oid, hash: hashOf(oid), value };
      const change = { isNew: true };
      root = insert(before, leaf, 0, owner, change);
      if (change.isNew) size++;
    }
    return root === this.#root ? this : new TrieMap(root, size);
  }

  without(oids: Iterable<Oid>): OidMap<Value> {
    const owner = {};
    let root = this.#root;
    let size = this.size;
    for (const oid of oids) {
      const smaller = remove(root, oid, hashOf(oid), 0, owner);
      if (smaller === undefined) continue;
      root = smaller;
      size--;
    }
    return root === this.#root ? this : new TrieMap(root, size);
  }

  *[Symbol.iterator](): Iterator<readonly [Oid, Value]> {
    const waiting: (Branch<Value> | Leaf<Value>)[] = [this.#root];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (isBranch(next)) waiting.push(...next.slots);
      else yield [next.oid, next.value];
    }
  }
}

/** The first 32 bits of an id. */
function hashOf(oid: Oid): number {
  return Number.parseInt(oid.slice(0, 8), 16) | 0;
}

function bitOf(hash: number, shift: number): number {
  return 1 << ((hash >>> shift) & MASK);
}

/** How many slots stand before that of `bit`. */
function indexOf(bits: number, bit: number): number {
  let below = bits & (bit - 1);
  below -= (below >>> 1) & 0x5555_5555;
  below = (below & 0x3333_3333) + ((below >>> 2) & 0x3333_3333);
  return (((below + (below >>> 4)) & 0x0f0f_0f0f) * 0x0101_0101) >>> 24;
}

function isBranch<Value>(slot: Branch<Value> | Leaf<Value>): slot is Branch<Value> {
  return "slots" in slot;
}

/** The branch itself where `owner` has made it, else a copy that it may change. */
function owned<Value>(branch: Branch<Value>, owner: object): Branch<Value> {
  return branch.owner === owner ? branch : { bits: branch.bits, slots: branch.slots.slice(), owner };
}

function insert<Value>(
  branch: Branch<Value>,
  leaf: Leaf<Value>,
  shift: number,
  owner: object,
  change: { isNew: boolean },
): Branch<Value> {
  const target = owned(branch, owner);
  if (shift > LAST_SHIFT) {
    const at = (target.slots as Leaf<Value>[]).findIndex(({ oid }) => oid === leaf.oid);
    change.isNew = at < 0;
    target.slots[at < 0 ? target.slots.length : at] = leaf;
    return target;
  }
  const bit = bitOf(leaf.hash, shift);
  const at = indexOf(target.bits, bit);
  const slot = (target.bits & bit) === 0 ? undefined : target.slots[at]!;
  if (slot === undefined) {
    target.slots.splice(at, 0, leaf);
    target.bits |= bit;
  } else if (isBranch(slot)) {
    target.slots[at] = insert(slot, leaf, shift + BITS, owner, change);
  } else if (slot.oid === leaf.oid) {
    change.isNew = false;
    target.slots[at] = leaf;
  } else {
    const fork = insert({ bits: 0, slots: [], owner }, slot, shift + BITS, owner, { isNew: true });
    target.slots[at] = insert(fork, leaf, shift + BITS, owner, change);
  }
  return target;
}

/** The branch without an id; `undefined` where it has no such. Empty branches are left: ids come back. */
function remove<Value>(
  branch: Branch<Value>,
  oid: Oid,
  hash: number,
  shift: number,
  owner: object,
): Branch<Value> | undefined {
  const isList = shift > LAST_SHIFT;
  const bit = isList ? 0 : bitOf(hash, shift);
  if (!isList && (branch.bits & bit) === 0) return undefined;
  const at = isList
    ? (branch.slots as Leaf<Value>[]).findIndex((leaf) => leaf.oid === oid)
    : indexOf(branch.bits, bit);
  const slot = branch.slots[at];
  if (slot === undefined) return undefined;
  if (isBranch(slot)) {
    const smaller = remove(slot, oid, hash, shift + BITS, owner);
    if (smaller === undefined) return undefined;
    const target = owned(branch, owner);
    target.slots[at] = smaller;
    return target;
  }
  if (slot.oid !== oid) return undefined;
  const target = owned(branch, owner);
  target.slots.splice(at, 1);
  target.bits &= ~bit;
  return target;
}

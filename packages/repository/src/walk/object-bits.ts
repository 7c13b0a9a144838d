import type { ObjectBits } from "@millrace/pack";

const FULL = 0xffffffff;

/** Whether the object at this rank is in a set. */
export function isSet(bits: ObjectBits, rank: number): boolean {
  return ((bits[rank >>> 5]! >>> (rank & 31)) & 1) === 1;
}

/** How many objects are in a set. */
export function countSet(bits: ObjectBits): number {
  let count = 0;
  for (let i = 0; i < bits.length; i++) {
    for (let rest = bits[i]!; rest !== 0; rest &= rest - 1) count++;
  }
  return count;
}

/** Adds a mark to the byte of each object in a set; the first one's is at `base`. */
export function markSet(bytes: Uint8Array, base: number, bits: ObjectBits, mark: number): void {
  for (let word = 0, from = base; word < bits.length; word++, from += 32) {
    const set = bits[word]!;
    if (set === FULL) for (let i = from; i < from + 32; i++) bytes[i] = bytes[i]! | mark;
    else {
      for (let rest = set; rest !== 0; rest &= rest - 1) {
        const i = from + 31 - Math.clz32(rest & -rest);
        bytes[i] = bytes[i]! | mark;
      }
    }
  }
}

/** The set of objects whose byte from `base` to `end` is not 0. */
export function bitsOf(bytes: Uint8Array, base: number, end: number): ObjectBits {
  const bits = new Uint32Array(Math.ceil((end - base) / 32));
  for (let i = base; i < end; i++) {
    const rank = i - base;
    if (bytes[i] !== 0) bits[rank >>> 5] = bits[rank >>> 5]! | (1 << (rank & 31));
  }
  return bits;
}

/** Takes all ranks from `count` on out of a set: a file may name some that the pack does not have. */
export function clearFrom(bits: ObjectBits, count: number): void {
  const word = count >>> 5;
  if (word >= bits.length) return;
  bits[word] = bits[word]! & ((1 << (count & 31)) - 1);
  bits.fill(0, word + 1);
}

/** Writes `value` to the place of each object in a set; answers how many there are. Long runs go at once. */
export function fillSet(bytes: Uint8Array, bits: ObjectBits, value: number): number {
  let count = 0;
  for (let word = 0; word < bits.length; word++) {
    const first = word;
    while (word < bits.length && bits[word] === FULL) word++;
    if (word > first) {
      bytes.fill(value, 32 * first, 32 * word);
      count += 32 * (word - first);
    }
    for (let rest = word < bits.length ? bits[word]! : 0; rest !== 0; rest &= rest - 1) {
      bytes[32 * word + 31 - Math.clz32(rest & -rest)] = value;
      count++;
    }
  }
  return count;
}

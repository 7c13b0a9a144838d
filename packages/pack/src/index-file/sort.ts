import { finishAtOnce, type Steps } from "../read/pace.ts";

const SMALL_COUNT = 1024;
const INSERTION_COUNT = 24;
const WORD = 0x100000000;
/** One less than the ids of a step, which is a power of two. */
const STEP_MASK = 16383;

/**
 * Answers 0..count-1 ordered by the ids that stand at those places of `oids`.
 * Buckets by the first two bytes, then sorts each bucket; linear for ids that are hashes.
 *
 * @param oids `count * hashBytes` bytes.
 * @param hashBytes Length of one id.
 */
export function sortByOid(oids: Uint8Array, count: number, hashBytes: number): Uint32Array {
  return finishAtOnce(sortByOidSteps(oids, count, hashBytes));
}

/** `sortByOid` in steps; `oids` must not change in between. */
export function* sortByOidSteps(oids: Uint8Array, count: number, hashBytes: number): Steps<Uint32Array> {
  const order = new Uint32Array(count);
  if (count < SMALL_COUNT) {
    for (let i = 0; i < count; i++) order[i] = i;
    return order.sort((a, b) => compareAt(oids, a * hashBytes, b * hashBytes, hashBytes));
  }
  const starts = new Uint32Array(65537);
  for (let i = 0, at = 0; i < count; i++, at += hashBytes) {
    const bucket = (oids[at]! << 8) | oids[at + 1]!;
    starts[bucket + 1]!++;
  }
  for (let b = 0; b < 65536; b++) starts[b + 1]! += starts[b]!;
  const next = starts.slice(0, 65536);
  for (let i = 0, at = 0; i < count; i++, at += hashBytes) {
    const bucket = (oids[at]! << 8) | oids[at + 1]!;
    order[next[bucket]!++] = i;
    if ((i & STEP_MASK) === STEP_MASK) yield;
  }
  let stepEnd = STEP_MASK;
  for (let b = 0; b < 65536; b++) {
    const from = starts[b]!;
    if (from > stepEnd) {
      stepEnd = from + STEP_MASK;
      yield;
    }
    const to = starts[b + 1]!;
    if (to - from > INSERTION_COUNT) {
      order.subarray(from, to).sort((x, y) => compareAt(oids, x * hashBytes, y * hashBytes, hashBytes));
    } else if (to - from > 1) {
      insertionSort(order, from, to, oids, hashBytes);
    }
  }
  return order;
}

function insertionSort(
  order: Uint32Array,
  from: number,
  to: number,
  oids: Uint8Array,
  hashBytes: number,
): void {
  for (let i = from + 1; i < to; i++) {
    const moving = order[i]!;
    let k = i - 1;
    while (k >= from && compareAt(oids, order[k]! * hashBytes, moving * hashBytes, hashBytes) > 0) {
      order[k + 1] = order[k]!;
      k--;
    }
    order[k + 1] = moving;
  }
}

function compareAt(bytes: Uint8Array, a: number, b: number, length: number): number {
  for (let i = 0; i < length; i++) {
    const difference = bytes[a + i]! - bytes[b + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Answers 0..n-1 ordered by `offsets`, which are whole numbers below 2^53: a radix sort of 16 bits a pass.
 */
export function sortByOffset(offsets: Float64Array): Uint32Array {
  const count = offsets.length;
  let order: Uint32Array = new Uint32Array(count);
  let highest = 0;
  let sorted = true;
  for (let i = 0; i < count; i++) {
    order[i] = i;
    if (offsets[i]! >= highest) highest = offsets[i]!;
    else sorted = false;
  }
  if (sorted) return order;
  if (count < SMALL_COUNT) return order.sort((a, b) => offsets[a]! - offsets[b]!);
  // Two digits of 16 bits from the low half of each offset, and two from the high one where there is one.
  const digits = new Uint32Array(count);
  for (let i = 0; i < count; i++) digits[i] = offsets[i]! >>> 0;
  order = sortByWord(order, digits);
  if (highest < WORD) return order;
  for (let i = 0; i < count; i++) digits[i] = Math.floor(offsets[i]! / WORD);
  return sortByWord(order, digits);
}

/** Reorders `order` by the 32-bit words of its entries, those with equal words staying as they are. */
function sortByWord(order: Uint32Array, words: Uint32Array): Uint32Array {
  const count = order.length;
  let from = order;
  let to: Uint32Array = new Uint32Array(count);
  const starts = new Uint32Array(65537);
  for (let shift = 0; shift <= 16; shift += 16) {
    starts.fill(0);
    for (let i = 0; i < count; i++) starts[((words[i]! >>> shift) & 0xffff) + 1]!++;
    for (let b = 0; b < 65536; b++) starts[b + 1]! += starts[b]!;
    for (let i = 0; i < count; i++) {
      const which = from[i]!;
      const digit = (words[which]! >>> shift) & 0xffff;
      to[starts[digit]!++] = which;
    }
    const swap = from;
    from = to;
    to = swap;
  }
  return from;
}

import type { Steps } from "../read/pace.ts";
import { type ObjectColumns, REUSED } from "./repack-objects.ts";

/** Objects in the order in which deltas are looked for, cut into parts that can be searched apart. */
export interface SearchOrder {
  /** Numbers of objects. */
  readonly order: Uint32Array;
  /** Where each part ends in `order`. */
  readonly ends: Uint32Array;
}

/** Smaller objects gain nothing. */
const MIN_OBJECT_BYTES = 50;
/** A part gets about so many objects, more where names would be torn apart, up to `MAX_PART`. */
const PART = 2048;
const MAX_PART = 8192;
/** Elements merged between two steps. */
const STEP = 65_536;

/**
 * Sorts as git does: by type, hash of the name, size, the larger first; what readers ask for first before the rest.
 * Objects that stay deltas are left out, and those of which none can come.
 */
export function* searchOrderSteps(
  columns: ObjectColumns,
  names: Uint32Array,
  maxObjectBytes: number,
  isSearched: (object: number) => boolean,
): Steps<SearchOrder> {
  const { count, types, sizes, flags } = columns;
  const candidates = new Uint32Array(new SharedArrayBuffer(count * 4));
  let length = 0;
  for (let i = 0; i < count; i++) {
    if ((flags[i]! & REUSED) !== 0 || sizes[i]! < MIN_OBJECT_BYTES || sizes[i]! > maxObjectBytes) continue;
    if (!isSearched(i)) continue;
    candidates[length++] = i;
  }
  const order = candidates.subarray(0, length);
  const compare = (a: number, b: number): number =>
    types[a]! - types[b]! || names[b]! - names[a]! || sizes[b]! - sizes[a]! || a - b;
  yield* mergeSortSteps(order, compare);

  const ends: number[] = [];
  for (let i = 1, start = 0; i <= length; i++) {
    const isEnd =
      i === length ||
      i - start >= MAX_PART ||
      (i - start >= PART &&
        (names[order[i]!] !== names[order[i - 1]!] || types[order[i]!] !== types[order[i - 1]!]));
    if (!isEnd) continue;
    ends.push(i);
    start = i;
  }
  return { order, ends: Uint32Array.from(ends) };
}

/** Sorts in place, in steps. */
function* mergeSortSteps(items: Uint32Array, compare: (a: number, b: number) => number): Steps<void> {
  const run = 4096;
  for (let at = 0; at < items.length; at += run) {
    items.subarray(at, at + run).sort(compare);
    yield;
  }
  let from = items;
  let to: Uint32Array = new Uint32Array(items.length);
  for (let width = run; width < items.length; width *= 2) {
    let out = 0;
    for (let start = 0; start < items.length; start += 2 * width) {
      const middle = Math.min(start + width, items.length);
      const end = Math.min(start + 2 * width, items.length);
      let left = start;
      let right = middle;
      while (left < middle || right < end) {
        const takeLeft = right === end || (left < middle && compare(from[left]!, from[right]!) <= 0);
        to[out++] = takeLeft ? from[left++]! : from[right++]!;
        if (out % STEP === 0) yield;
      }
    }
    [from, to] = [to, from];
  }
  if (from !== items) items.set(from);
}

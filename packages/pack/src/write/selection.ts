import { sortByOffset } from "../index-file/sort.ts";
import type { PackReader } from "../read/pack-reader.ts";

/** Entries of one pack that are to be written, in pack order. */
export interface Selection {
  readonly reader: PackReader;
  readonly count: number;
  /** Index positions. */
  readonly positions: Uint32Array;
  /** Where each entry starts and ends in the stored pack. */
  readonly offsets: Float64Array;
  readonly ends: Float64Array;
  /** Where each entry starts in the output; filled while writing. */
  readonly written: Float64Array;
  /** Number of the selected entry that starts at the stored `offset`, or -1; quick where it lies a little before `hint`. */
  find(offset: number, hint: number): number;
}

/** Below this share of a pack, entry ends are searched one by one instead of walking the whole pack. */
const SPARSE_SHARE = 1 / 20;

/** Sorts the selected positions of one pack by offset and finds where each entry ends. */
export function selectEntries(reader: PackReader, positions: Uint32Array): Selection {
  const { index, source } = reader;
  const count = positions.length;
  const unsorted = new Float64Array(count);
  for (let i = 0; i < count; i++) unsorted[i] = index.offsetAt(positions[i]!);
  const order = sortByOffset(unsorted);
  const sorted = new Uint32Array(count);
  const offsets = new Float64Array(count);
  const ends = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    sorted[i] = positions[order[i]!]!;
    offsets[i] = unsorted[order[i]!]!;
  }
  if (count < index.count * SPARSE_SHARE) {
    for (let i = 0; i < count; i++) ends[i] = index.endOffset(sorted[i]!, source.sizeBytes);
  } else {
    const packOrder = index.packOrder();
    const bodyEnd = source.sizeBytes - index.packChecksum.length;
    for (let i = 0, rank = 0; i < count; i++) {
      while (packOrder[rank] !== sorted[i]) rank++;
      rank++;
      ends[i] = rank < index.count ? index.offsetAt(packOrder[rank]!) : bodyEnd;
    }
  }

  function find(offset: number, hint: number): number {
    let low = Math.min(hint, count);
    let high = count;
    if (low > 0 && offsets[low - 1]! >= offset) {
      // Gallop backwards, since bases lie near their deltas. offsets[high] >= offset holds from here on.
      high = low - 1;
      low = high - 1;
      for (let step = 2; low >= 0 && offsets[low]! >= offset; step *= 2) {
        high = low;
        low -= step;
      }
      low = Math.max(0, low + 1);
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low < count && offsets[low] === offset ? low : -1;
  }

  return { reader, count, positions: sorted, offsets, ends, written: new Float64Array(count), find };
}

import { recordEnd, recordStart } from "./packed-records.ts";
import { countPlainRecords } from "./plain-records.ts";

/** What is looked through at a time. */
const BLOCK_BYTES = 256 * 1024;

/** A stretch of whole records. */
export interface PackedBlock {
  readonly start: number;
  readonly end: number;
  /** How many plain records it has; -1 where one is not plain. */
  readonly count: number;
}

/** Records in blocks, each looked through once. */
export interface PackedBlocks {
  /** The block of the record that starts at `start`. */
  at(start: number): PackedBlock;
}

export function createPackedBlocks(lines: Buffer, hexLength: number): PackedBlocks {
  const known = new Map<number, PackedBlock>();
  /** The first record that starts at `at` or behind it. */
  const firstFrom = (at: number): number => {
    if (at >= lines.length) return lines.length;
    const start = recordStart(lines, at);
    return start < at ? recordEnd(lines, start) : start;
  };
  return {
    at(record) {
      const number = Math.floor(record / BLOCK_BYTES);
      let block = known.get(number);
      if (block === undefined) {
        const start = firstFrom(number * BLOCK_BYTES);
        const end = firstFrom((number + 1) * BLOCK_BYTES);
        block = { start, end, count: countPlainRecords(lines, start, end, hexLength) };
        known.set(number, block);
      }
      return block;
    },
  };
}

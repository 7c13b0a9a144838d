import { PackError } from "../errors.ts";

/**
 * A decoded symbol and its code length in one small integer: bits 0-3 code length, 4-7 number of extra bits, 8-9 the
 * symbol's class, from 10 on its value (a literal, or the base of a length or distance). 0 means "not in the table".
 */
export type HuffmanEntry = number;

/** Bits of an entry that tell its class. */
export const CLASS_MASK = 0x300;
/** Class of a literal byte and of a distance. */
export const CLASS_PLAIN = 0;
/** Class of a match length. */
export const CLASS_LENGTH = 0x100;
/** Class of the end-of-block symbol. */
export const CLASS_END = 0x200;
/** Class of codes that no stream may use. */
export const CLASS_INVALID = 0x300;

const MAX_ROOT_BITS = 10;
const MAX_CODE_BITS = 15;

/** Prefix code decoder (RFC 1951, 3.2.2): a table for short codes, canonical counting for the rare long ones. */
export interface HuffmanTable {
  /** Entries by the next `mask` bits of input. */
  readonly root: Int32Array;
  mask: number;
  /** How many codes have each length. */
  readonly counts: Uint16Array;
  /** Symbols in the order of their codes. */
  readonly symbols: Uint16Array;
  /** What each symbol means, with a code length of zero. */
  readonly meanings: Int32Array;
}

/** Meanings of the 288 literal and length symbols (RFC 1951, 3.2.5). */
export const LITERAL_MEANINGS: Int32Array = literalMeanings();
/** Meanings of the 32 distance symbols (RFC 1951, 3.2.5). */
export const DISTANCE_MEANINGS: Int32Array = distanceMeanings();
/** Meanings of the 19 symbols that spell code lengths: themselves (RFC 1951, 3.2.7). */
export const LENGTH_CODE_MEANINGS: Int32Array = Int32Array.from({ length: 19 }, (_, symbol) => symbol << 10);

/** Makes a table to be filled, again and again, by `buildHuffmanTable`. */
export function createHuffmanTable(meanings: Int32Array): HuffmanTable {
  return {
    root: new Int32Array(1 << MAX_ROOT_BITS),
    mask: 0,
    counts: new Uint16Array(MAX_CODE_BITS + 1),
    symbols: new Uint16Array(meanings.length),
    meanings,
  };
}

const positions = new Uint16Array(MAX_CODE_BITS + 2);

/**
 * Fills `table` from the code lengths `lengths[start..start + count]`.
 * Throws PACK_CORRUPT for over-subscribed sets, and for incomplete ones unless `mayBeIncomplete` and there is at
 * most one code, of one bit.
 */
export function buildHuffmanTable(
  table: HuffmanTable,
  lengths: Uint8Array,
  start: number,
  count: number,
  mayBeIncomplete: boolean,
): void {
  const { root, counts, symbols, meanings } = table;
  for (let bits = 0; bits <= MAX_CODE_BITS; bits++) counts[bits] = 0;
  for (let i = 0; i < count; i++) counts[lengths[start + i]!]!++;
  counts[0] = 0;
  let longest = MAX_CODE_BITS;
  while (longest > 0 && counts[longest] === 0) longest--;
  let left = 1;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    left = left * 2 - counts[bits]!;
    if (left < 0) throw new PackError("PACK_CORRUPT", "deflate block has an over-subscribed code");
  }
  if (left > 0 && !(mayBeIncomplete && longest <= 1)) {
    throw new PackError("PACK_CORRUPT", "deflate block has an incomplete code");
  }
  positions[1] = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) positions[bits + 1] = positions[bits]! + counts[bits]!;
  for (let i = 0; i < count; i++) {
    const bits = lengths[start + i]!;
    if (bits !== 0) symbols[positions[bits]!++] = i;
  }
  const rootBits = longest > MAX_ROOT_BITS ? MAX_ROOT_BITS : longest < 1 ? 1 : longest;
  table.mask = (1 << rootBits) - 1;
  // The first 2^bits slots serve the codes of up to `bits` bits; they are doubled before each longer length, so every
  // slot repeats its code for all higher bits, and slots without a code stay 0. `code` is bit-reversed, as it is read.
  root[0] = left > 0 ? CLASS_INVALID | 1 : 0;
  let code = 0;
  let filled = 1;
  let next = 0;
  for (let bits = 1; bits <= rootBits; bits++) {
    root.copyWithin(filled, 0, filled);
    filled *= 2;
    for (let n = counts[bits]!; n > 0; n--) {
      root[code] = meanings[symbols[next++]!]! | bits;
      let step = filled >> 1;
      while (code & step) step >>= 1;
      code = step === 0 ? 0 : (code & (step - 1)) | step;
    }
  }
}

/**
 * Decodes a code that the root table does not hold, from the low `bits` bits of `hold`.
 * Returns 0 where more bits are needed.
 */
export function decodeLongCode(table: HuffmanTable, hold: number, bits: number): HuffmanEntry {
  const { counts, symbols, meanings } = table;
  let code = 0;
  let first = 0;
  let index = 0;
  for (let length = 1; length <= MAX_CODE_BITS; length++) {
    if (length > bits) return 0;
    code |= (hold >>> (length - 1)) & 1;
    const count = counts[length]!;
    if (code - count < first) return meanings[symbols[index + code - first]!]! | length;
    index += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  return CLASS_INVALID | MAX_CODE_BITS;
}

function literalMeanings(): Int32Array {
  const meanings = new Int32Array(288).fill(CLASS_INVALID);
  for (let byte = 0; byte < 256; byte++) meanings[byte] = CLASS_PLAIN | (byte << 10);
  meanings[256] = CLASS_END;
  let base = 3;
  for (let symbol = 257; symbol < 285; symbol++) {
    const extra = symbol < 261 ? 0 : (symbol - 261) >> 2;
    meanings[symbol] = CLASS_LENGTH | (extra << 4) | (base << 10);
    base += 1 << extra;
  }
  meanings[285] = CLASS_LENGTH | (258 << 10);
  return meanings;
}

function distanceMeanings(): Int32Array {
  const meanings = new Int32Array(32).fill(CLASS_INVALID);
  let base = 1;
  for (let symbol = 0; symbol < 30; symbol++) {
    const extra = symbol < 2 ? 0 : (symbol - 2) >> 1;
    meanings[symbol] = CLASS_PLAIN | (extra << 4) | (base << 10);
    base += 1 << extra;
  }
  return meanings;
}

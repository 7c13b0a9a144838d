/**
 * Decoding tables for the canonical Huffman codes of deflate (RFC 1951, section 3.2.2).
 *
 * A table has an entry of 32 bits for each value of the next `rootBits` bits of the stream; longer codes go on in a
 * subtable. The low byte of an entry counts the bits it takes, extra bits included; the next four bits count those of
 * the code alone.
 *
 *   literal        LITERAL | byte << 16
 *   length, distance         base << 16
 *   end of block   SPECIAL | END
 *   subtable       SPECIAL | SUBTABLE | first entry << 16, with the count of its index bits at bit 8
 *   no such code   SPECIAL
 */
export const LITERAL: u32 = 0x80000000;
export const SPECIAL: u32 = 0x8000;
export const SUBTABLE: u32 = 0x4000;
export const END: u32 = 0x2000;

export const LITERAL_SYMBOLS: usize = 288;
export const DISTANCE_SYMBOLS: usize = 32;
const MAX_CODE_BITS: u32 = 15;
/** What each bit of a code adds to an entry. */
const ONE_BIT: u32 = 0x101;

/** What each symbol stands for, before the length of its code is added. */
export const literalMeanings: usize = memory.data(1152, 64);
export const distanceMeanings: usize = memory.data(128, 64);
export const precodeMeanings: usize = memory.data(76, 64);

/** Codes of each length, u16. */
const counts: usize = memory.data(32, 16);
/** Where the symbols of each length go in the sorted list, u16. */
const starts: usize = memory.data(32, 16);
/** The symbols that have a code: in their own order with the length (symbol | length << 16), and in that of their codes. */
const coded: usize = memory.data(1216, 64);
const sorted: usize = memory.data(608, 64);
/** For each length what it adds to the counts: sixteen u16, of which one is 1. Length 0 adds nothing. */
const oneCode: usize = memory.data(512, 64);
/** Each byte with its bits in reverse. */
const reversed: usize = memory.data(256, 64);

for (let length: usize = 1; length < 16; length++) store<u16>(oneCode + length * 34, 1);
for (let byte: u32 = 0; byte < 256; byte++) {
  let bits: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) bits |= ((byte >> i) & 1) << (7 - i);
  store<u8>(reversed + byte, bits as u8);
}
for (let symbol: u32 = 0; symbol < (LITERAL_SYMBOLS as u32); symbol++) {
  let meaning: u32 = SPECIAL;
  if (symbol < 256) meaning = LITERAL | (symbol << 16);
  else if (symbol == 256) meaning = SPECIAL | END;
  else if (symbol < 265) meaning = (symbol - 254) << 16;
  else if (symbol < 285) {
    const extra = (symbol - 261) >> 2;
    meaning = ((3 + ((4 + ((symbol - 261) & 3)) << extra)) << 16) | extra;
  } else if (symbol == 285) meaning = 258 << 16;
  store<u32>(literalMeanings + (symbol << 2), meaning);
}
for (let symbol: u32 = 0; symbol < (DISTANCE_SYMBOLS as u32); symbol++) {
  let meaning: u32 = SPECIAL;
  if (symbol < 4) meaning = (symbol + 1) << 16;
  else if (symbol < 30) {
    const extra = (symbol - 2) >> 1;
    meaning = ((1 + ((2 + (symbol & 1)) << extra)) << 16) | extra;
  }
  store<u32>(distanceMeanings + (symbol << 2), meaning);
}
for (let symbol: u32 = 0; symbol < 19; symbol++) store<u32>(precodeMeanings + (symbol << 2), symbol << 16);

/**
 * Builds the table at `table` for `symbols` code lengths, one byte each at `lengths`; the bytes up to the next multiple
 * of eight are overwritten. Answers its root bits, at most `maxRootBits`, or -1 where the lengths are no code: zlib
 * takes, beside complete codes, a lone code of one bit, and no code at all where nothing uses it.
 */
export function buildTable(
  lengths: usize,
  symbols: usize,
  meanings: usize,
  table: usize,
  maxRootBits: u32,
): i32 {
  const codedEnd = countLengths(lengths, symbols);
  let longest = MAX_CODE_BITS;
  while (longest > 0 && load<u16>(counts + (longest << 1)) == 0) longest--;

  let used: u32 = 0;
  let start: u32 = 0;
  for (let length: u32 = 1; length <= longest; length++) {
    const count = load<u16>(counts + (length << 1)) as u32;
    store<u16>(starts + (length << 1), start as u16);
    start += count;
    used += count << (MAX_CODE_BITS - length);
  }
  if (used != 1 << MAX_CODE_BITS) {
    if (longest > 1 || used > 1 << MAX_CODE_BITS) return -1;
    const lone = load<u32>(meanings + ((load<u16>(coded) as usize) << 2)) + ONE_BIT;
    store<u32>(table, longest == 0 ? SPECIAL | ONE_BIT : lone);
    store<u32>(table, SPECIAL | ONE_BIT, 4);
    return 1;
  }

  for (let at = coded; at < codedEnd; at += 4) {
    const place = starts + ((load<u16>(at, 2) as usize) << 1);
    const position = load<u16>(place) as usize;
    store<u16>(place, (position + 1) as u16);
    store<u16>(sorted + (position << 1), load<u16>(at));
  }
  const rootBits = longest < maxRootBits ? longest : maxRootBits;
  fillTable(meanings, table, rootBits, longest);
  return rootBits;
}

/** Counts the codes of each length and lists the symbols that have one; answers the end of the list. */
function countLengths(lengths: usize, symbols: usize): usize {
  store<u64>(lengths + symbols, 0);
  let low = i16x8.splat(0);
  let high = low;
  let listed = coded;
  for (let symbol: usize = 0; symbol < symbols; symbol += 8) {
    // Most symbols of a small object have no code.
    let rest = load<u64>(lengths + symbol);
    if (rest == 0) continue;
    for (let i: usize = 0; i < 8; i++) {
      const length = (rest as usize) & 255;
      rest >>= 8;
      low = i16x8.add(low, v128.load(oneCode + (length << 5)));
      high = i16x8.add(high, v128.load(oneCode + (length << 5), 16));
      store<u32>(listed, ((symbol + i) as u32) | ((length as u32) << 16));
      listed += length != 0 ? 4 : 0;
    }
  }
  v128.store(counts, low);
  v128.store(counts, high, 16);
  return listed;
}

/** A code as it comes in the stream, its first bit lowest. */
function reverse(code: u32, length: u32): u32 {
  const bits = ((load<u8>(reversed + (code & 255)) as u32) << 8) | (load<u8>(reversed + (code >> 8)) as u32);
  return bits >> (16 - length);
}

/** Codes come in order of length; a table for longer codes is twice the one for shorter, filled so far. */
function fillTable(meanings: usize, table: usize, rootBits: u32, longest: u32): void {
  let code: u32 = 0;
  let symbol = sorted;
  let size: u32 = 1;
  for (let length: u32 = 1; length <= rootBits; length++) {
    double(table, size);
    size <<= 1;
    code <<= 1;
    const bits = length * ONE_BIT;
    const end = symbol + ((load<u16>(counts + (length << 1)) as usize) << 1);
    for (; symbol < end; symbol += 2) {
      const entry = load<u32>(meanings + ((load<u16>(symbol) as usize) << 2)) + bits;
      store<u32>(table + (reverse(code++, length) << 2), entry);
    }
  }
  const mask = size - 1;
  let prefix: u32 = 0xffffffff;
  let first: u32 = 0;
  let end = size;
  for (let length = rootBits + 1; length <= longest; length++) {
    code <<= 1;
    const bits = (length - rootBits) * ONE_BIT;
    const stride: u32 = 1 << (length - rootBits);
    for (let count = load<u16>(counts + (length << 1)) as u32; count > 0; count--) {
      const place = reverse(code++, length);
      if ((place & mask) != prefix) {
        prefix = place & mask;
        first = end;
        // As many index bits as the codes that start so need: those at hand, and longer ones while there is space.
        let indexBits = length - rootBits;
        let space = count;
        while (space < ((1 << indexBits) as u32) && rootBits + indexBits < longest) {
          indexBits++;
          space = (space << 1) + (load<u16>(counts + ((rootBits + indexBits) << 1)) as u32);
        }
        end = first + (1 << indexBits);
        store<u32>(table + (prefix << 2), SPECIAL | SUBTABLE | (first << 16) | (indexBits << 8) | rootBits);
      }
      const entry = load<u32>(meanings + ((load<u16>(symbol) as usize) << 2)) + bits;
      symbol += 2;
      for (let index = first + (place >> rootBits); index < end; index += stride) {
        store<u32>(table + (index << 2), entry);
      }
    }
  }
}

/** Repeats the first `size` entries behind themselves. */
function double(table: usize, size: u32): void {
  const bytes: usize = size << 2;
  const end = table + bytes;
  if (bytes < 16) {
    for (let at = table; at < end; at += 4) store<u32>(at + bytes, load<u32>(at));
    return;
  }
  for (let at = table; at < end; at += 16) v128.store(at + bytes, v128.load(at));
}

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

export const LITERAL_SYMBOLS: u32 = 288;
export const DISTANCE_SYMBOLS: u32 = 32;
const MAX_CODE_BITS: u32 = 15;

/** What each symbol stands for, before the length of its code is added. */
export const literalMeanings: usize = memory.data(1152, 64);
export const distanceMeanings: usize = memory.data(128, 64);
export const precodeMeanings: usize = memory.data(76, 64);

const counts: usize = memory.data(64, 64);
const starts: usize = memory.data(64, 64);
const sorted: usize = memory.data(640, 64);

for (let symbol: u32 = 0; symbol < LITERAL_SYMBOLS; symbol++) {
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
for (let symbol: u32 = 0; symbol < DISTANCE_SYMBOLS; symbol++) {
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
 * Builds the table at `table` for `symbols` code lengths, one byte each at `lengths`. Answers its root bits, at most
 * `maxRootBits`, or -1 where the lengths are no code: zlib takes, beside complete codes, a lone code of one bit, and
 * no code at all where nothing uses it.
 */
export function buildTable(
  lengths: usize,
  symbols: u32,
  meanings: usize,
  table: usize,
  maxRootBits: u32,
): i32 {
  memory.fill(counts, 0, 64);
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = counts + ((load<u8>(lengths + symbol) as usize) << 2);
    store<u32>(count, load<u32>(count) + 1);
  }
  let longest = MAX_CODE_BITS;
  while (longest > 0 && load<u32>(counts + (longest << 2)) == 0) longest--;

  let used: u32 = 0;
  let start: u32 = 0;
  for (let length: u32 = 1; length <= longest; length++) {
    const count = load<u32>(counts + (length << 2));
    store<u32>(starts + (length << 2), start);
    start += count;
    used += count << (MAX_CODE_BITS - length);
  }
  const isComplete = used == 1 << MAX_CODE_BITS;
  if (!isComplete && (longest > 1 || used > 1 << MAX_CODE_BITS)) return -1;

  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const length = load<u8>(lengths + symbol) as u32;
    if (length == 0) continue;
    const place = starts + (length << 2);
    const position = load<u32>(place);
    store<u32>(place, position + 1);
    store<u16>(sorted + (position << 1), symbol);
  }

  if (!isComplete) {
    const lone = load<u32>(meanings + ((load<u16>(sorted) as usize) << 2)) + 0x101;
    store<u32>(table, longest == 0 ? SPECIAL | 0x101 : lone);
    store<u32>(table, SPECIAL | 0x101, 4);
    return 1;
  }
  const rootBits = longest < maxRootBits ? longest : maxRootBits;
  fillTable(meanings, table, rootBits, longest);
  return rootBits;
}

/** The code after `code`, both with their first bit lowest, among codes of `length` bits. */
function nextCode(code: u32, length: u32): u32 {
  const carry: u32 = (1 << (31 - clz<u32>(~code & ((1 << length) - 1)))) as u32;
  return (code & (carry - 1)) | carry;
}

/** Codes come in order of length; a table for longer codes is twice the one for shorter, filled so far. */
function fillTable(meanings: usize, table: usize, rootBits: u32, longest: u32): void {
  let code: u32 = 0;
  let symbol = sorted;
  let size: u32 = 1;
  for (let length: u32 = 1; length <= rootBits; length++) {
    double(table, size);
    size <<= 1;
    let count = load<u32>(counts + (length << 2));
    const bits = length * 0x101;
    while (count-- > 0) {
      store<u32>(table + (code << 2), load<u32>(meanings + ((load<u16>(symbol) as usize) << 2)) + bits);
      symbol += 2;
      if (code == size - 1) return;
      code = nextCode(code, length);
    }
  }
  const mask = size - 1;
  let prefix: u32 = 0xffffffff;
  let first: u32 = 0;
  let end = size;
  for (let length = rootBits + 1; length <= longest; length++) {
    let count = load<u32>(counts + (length << 2));
    const bits = (length - rootBits) * 0x101;
    for (; count > 0; count--) {
      if ((code & mask) != prefix) {
        prefix = code & mask;
        first = end;
        // As many index bits as the codes that start so need: those at hand, and longer ones while there is space.
        let indexBits = length - rootBits;
        let space = count;
        while (space < ((1 << indexBits) as u32) && rootBits + indexBits < longest) {
          indexBits++;
          space = (space << 1) + load<u32>(counts + ((rootBits + indexBits) << 2));
        }
        end = first + (1 << indexBits);
        store<u32>(table + (prefix << 2), SPECIAL | SUBTABLE | (first << 16) | (indexBits << 8) | rootBits);
      }
      const entry = load<u32>(meanings + ((load<u16>(symbol) as usize) << 2)) + bits;
      symbol += 2;
      const stride: u32 = 1 << (length - rootBits);
      for (let index = first + (code >> rootBits); index < end; index += stride) {
        store<u32>(table + (index << 2), entry);
      }
      if (length < longest || count > 1) code = nextCode(code, length);
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

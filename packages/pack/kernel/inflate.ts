import { adler32 } from "./adler";
import { copyBytes } from "./copy";
import {
  DISTANCE_SYMBOLS,
  END,
  LITERAL,
  LITERAL_SYMBOLS,
  SPECIAL,
  SUBTABLE,
  buildTable,
  distanceMeanings,
  literalMeanings,
  precodeMeanings,
} from "./huffman";

/** Inflates whole zlib streams (RFC 1950, RFC 1951). */
export const TRUNCATED: i32 = -1;
export const CORRUPT: i32 = -2;

const LITERAL_ROOT_BITS: u32 = 10;
const DISTANCE_ROOT_BITS: u32 = 8;
const PRECODE_ROOT_BITS: u32 = 7;
/** How far past the end of input the read position may go before it is sure that the stream does too. */
const OVERREAD: usize = 8;

/** Room for the largest tables that codes can make: 1,334 entries over 10 bits, 402 over 8. */
const literalTable: usize = memory.data(8192, 64);
const distanceTable: usize = memory.data(2048, 64);
const precodeTable: usize = memory.data(512, 64);
const fixedLiteralTable: usize = memory.data(2048, 64);
const fixedDistanceTable: usize = memory.data(128, 64);
/** Code lengths as a block's header gives them; a run may go past the last by 138. */
const lengths: usize = memory.data(512, 64);
const precodeOrder: usize = memory.data<u8>([
  16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
]);

memory.fill(lengths, 8, 144);
memory.fill(lengths + 144, 9, 112);
memory.fill(lengths + 256, 7, 24);
memory.fill(lengths + 280, 8, 8);
buildTable(lengths, LITERAL_SYMBOLS, literalMeanings, fixedLiteralTable, 9);
memory.fill(lengths, 5, DISTANCE_SYMBOLS);
buildTable(lengths, DISTANCE_SYMBOLS, distanceMeanings, fixedDistanceTable, 5);

/** Root bits of the tables of the block at hand. */
let literalBits: u32 = 0;
let distanceBits: u32 = 0;
/** Where the bits are, between the parts of a stream: next byte to load, loaded bits, their count. */
let nextByte: usize = 0;
let heldBits: u64 = 0;
let heldCount: u32 = 0;

/** Whether more bits were taken than the input has. */
function isOverrun(at: usize, count: u32, sourceEnd: usize): bool {
  return at > sourceEnd && (at - sourceEnd) * 8 > (count as usize);
}

/** What a fault means: nothing, where it was made of bits past the end. */
function fault(at: usize, count: u32, sourceEnd: usize): i32 {
  return isOverrun(at, count, sourceEnd) ? TRUNCATED : CORRUPT;
}

/**
 * Reads the code lengths of a dynamic block (RFC 1951, section 3.2.7) and builds its tables.
 * Answers 0, or why not.
 */
function readCodes(sourceEnd: usize): i32 {
  let at = nextByte;
  let bits = heldBits;
  let count = heldCount;
  bits |= load<u64>(at) << count;
  at += (63 - count) >> 3;
  count |= 56;
  const literals = ((bits as u32) & 31) + 257;
  const distances = ((bits >> 5) as u32 & 31) + 1;
  const precodes = ((bits >> 10) as u32 & 15) + 4;
  bits >>= 14;
  count -= 14;
  if (literals > 286 || distances > 30) return fault(at, count, sourceEnd);

  store<u64>(lengths, 0);
  store<u64>(lengths, 0, 8);
  store<u32>(lengths, 0, 16);
  for (let i: u32 = 0; i < precodes; i++) {
    if (count < 3) {
      bits |= load<u64>(at) << count;
      at += (63 - count) >> 3;
      count |= 56;
    }
    store<u8>(lengths + (load<u8>(precodeOrder + i) as usize), bits as u8 & 7);
    bits >>= 3;
    count -= 3;
  }
  if (isOverrun(at, count, sourceEnd)) return TRUNCATED;
  const precodeBits = buildTable(lengths, 19, precodeMeanings, precodeTable, PRECODE_ROOT_BITS);
  if (precodeBits < 0) return CORRUPT;
  const precodeMask: u32 = (1 << precodeBits) - 1;

  const total = literals + distances;
  let index: u32 = 0;
  while (index < total) {
    if (at > sourceEnd + OVERREAD) return TRUNCATED;
    bits |= load<u64>(at) << count;
    at += (63 - count) >> 3;
    count |= 56;
    // A code and its extra bits take at most 14 bits, so a refill lasts for four.
    for (let i = 0; i < 4 && index < total; i++) {
      const entry = load<u32>(precodeTable + (((bits as u32) & precodeMask) << 2));
      bits >>= (entry & 255) as u64;
      count -= entry & 255;
      if (entry & SPECIAL) return fault(at, count, sourceEnd);
      const symbol = entry >> 16;
      if (symbol < 16) {
        store<u8>(lengths + index++, symbol);
        continue;
      }
      let length: u8 = 0;
      let run: u32;
      if (symbol == 16) {
        if (index == 0) return fault(at, count, sourceEnd);
        length = load<u8>(lengths + index - 1);
        run = 3 + ((bits as u32) & 3);
        bits >>= 2;
        count -= 2;
      } else if (symbol == 17) {
        run = 3 + ((bits as u32) & 7);
        bits >>= 3;
        count -= 3;
      } else {
        run = 11 + ((bits as u32) & 127);
        bits >>= 7;
        count -= 7;
      }
      if (run > total - index) return fault(at, count, sourceEnd);
      const end = lengths + index + run;
      const splat = (length as u64) * 0x0101010101010101;
      for (let to = lengths + index; to < end; to += 8) store<u64>(to, splat);
      index += run;
    }
  }
  if (isOverrun(at, count, sourceEnd)) return TRUNCATED;
  if (load<u8>(lengths + 256) == 0) return CORRUPT;
  const forDistances = buildTable(
    lengths + literals,
    distances,
    distanceMeanings,
    distanceTable,
    DISTANCE_ROOT_BITS,
  );
  if (forDistances < 0) return CORRUPT;
  const forLiterals = buildTable(lengths, literals, literalMeanings, literalTable, LITERAL_ROOT_BITS);
  if (forLiterals < 0) return CORRUPT;
  literalBits = forLiterals;
  distanceBits = forDistances;
  nextByte = at;
  heldBits = bits;
  heldCount = count;
  return 0;
}

/**
 * Inflates one whole stream of exactly `targetBytes` bytes. Answers how many bytes it took, TRUNCATED where the input
 * ends before the stream and is well formed as far as it goes, or CORRUPT. Reads and writes at most 64 bytes past
 * `sourceEnd` and the target; what it reads there decides nothing.
 */
export function inflate(source: usize, sourceEnd: usize, target: usize, targetBytes: usize): i32 {
  if (sourceEnd < source + 2) return TRUNCATED;
  const method = load<u8>(source) as u32;
  const flags = load<u8>(source, 1) as u32;
  if (((method << 8) | flags) % 31 != 0 || (method & 15) != 8 || method > 0x78 || (flags & 0x20) != 0) {
    return CORRUPT;
  }
  let at = source + 2;
  let bits: u64 = 0;
  let count: u32 = 0;
  let out = target;
  const outEnd = target + targetBytes;
  let isLast = false;

  while (!isLast) {
    if (at > sourceEnd + OVERREAD) return TRUNCATED;
    bits |= load<u64>(at) << count;
    at += (63 - count) >> 3;
    count |= 56;
    isLast = (bits & 1) != 0;
    const type = ((bits >> 1) as u32) & 3;
    bits >>= 3;
    count -= 3;
    if (isOverrun(at, count, sourceEnd)) return TRUNCATED;

    let literals: usize;
    let distances: usize;
    if (type == 0) {
      at -= count >> 3;
      bits = 0;
      count = 0;
      if (sourceEnd - at < 4) return TRUNCATED;
      const length = load<u16>(at) as usize;
      if ((length ^ load<u16>(at, 2)) != 0xffff) return CORRUPT;
      if (length > outEnd - out) return CORRUPT;
      at += 4;
      if (length > sourceEnd - at) return TRUNCATED;
      copyBytes(out, at, length);
      out += length;
      at += length;
      continue;
    } else if (type == 1) {
      literals = fixedLiteralTable;
      distances = fixedDistanceTable;
      literalBits = 9;
      distanceBits = 5;
    } else if (type == 2) {
      nextByte = at;
      heldBits = bits;
      heldCount = count;
      const refusal = readCodes(sourceEnd);
      if (refusal != 0) return refusal;
      at = nextByte;
      bits = heldBits;
      count = heldCount;
      literals = literalTable;
      distances = distanceTable;
    } else {
      return CORRUPT;
    }

    const literalMask: u64 = ((1 << literalBits) - 1) as u64;
    const distanceMask: u64 = ((1 << distanceBits) - 1) as u64;
    for (;;) {
      if (out > outEnd) return fault(at, count, sourceEnd);
      if (at > sourceEnd + OVERREAD) return TRUNCATED;
      bits |= load<u64>(at) << count;
      at += (63 - count) >> 3;
      count |= 56;

      // At most 15 bits for a code and 5 behind it, then 15 and 13: 48 of the 56 at hand.
      let entry = load<u32>(literals + (((bits & literalMask) as usize) << 2));
      if (entry & LITERAL) {
        bits >>= (entry & 255) as u64;
        count -= entry & 255;
        store<u8>(out++, (entry >> 16) as u8);
        entry = load<u32>(literals + (((bits & literalMask) as usize) << 2));
        if (entry & LITERAL) {
          bits >>= (entry & 255) as u64;
          count -= entry & 255;
          store<u8>(out++, (entry >> 16) as u8);
          continue;
        }
        bits |= load<u64>(at) << count;
        at += (63 - count) >> 3;
        count |= 56;
      }
      if (entry & SPECIAL) {
        if (entry & SUBTABLE) {
          bits >>= (entry & 255) as u64;
          count -= entry & 255;
          const index = (entry >> 16) + ((bits as u32) & ((1 << ((entry >> 8) & 15)) - 1));
          entry = load<u32>(literals + (index << 2));
          if (entry & LITERAL) {
            bits >>= (entry & 255) as u64;
            count -= entry & 255;
            store<u8>(out++, (entry >> 16) as u8);
            continue;
          }
        }
        if (entry & SPECIAL) {
          bits >>= (entry & 255) as u64;
          count -= entry & 255;
          if ((entry & END) == 0) return fault(at, count, sourceEnd);
          break;
        }
      }
      const length = (entry >> 16) + (((bits as u32) & ((1 << (entry & 255)) - 1)) >> ((entry >> 8) & 15));
      bits >>= (entry & 255) as u64;
      count -= entry & 255;

      entry = load<u32>(distances + (((bits & distanceMask) as usize) << 2));
      if (entry & SPECIAL) {
        bits >>= (entry & 255) as u64;
        count -= entry & 255;
        if ((entry & SUBTABLE) == 0) return fault(at, count, sourceEnd);
        const index = (entry >> 16) + ((bits as u32) & ((1 << ((entry >> 8) & 15)) - 1));
        entry = load<u32>(distances + (index << 2));
        if (entry & SPECIAL) {
          count -= entry & 255;
          return fault(at, count, sourceEnd);
        }
      }
      const distance = (entry >> 16) + (((bits as u32) & ((1 << (entry & 255)) - 1)) >> ((entry >> 8) & 15));
      bits >>= (entry & 255) as u64;
      count -= entry & 255;

      if ((distance as usize) > out - target || (length as i64) > (outEnd as i64) - (out as i64)) {
        return fault(at, count, sourceEnd);
      }
      let from = out - distance;
      const end = out + length;
      if (distance >= 16) {
        do {
          v128.store(out, v128.load(from));
          from += 16;
          out += 16;
        } while (out < end);
      } else if (distance >= 8) {
        do {
          store<u64>(out, load<u64>(from));
          from += 8;
          out += 8;
        } while (out < end);
      } else if (distance == 1) {
        const byte = i8x16.splat(load<u8>(from));
        do {
          v128.store(out, byte);
          out += 16;
        } while (out < end);
      } else {
        // Each turn settles `distance` bytes; the rest of what it writes is written again.
        do {
          store<u64>(out, load<u64>(from));
          from += distance;
          out += distance;
        } while (out < end);
      }
      out = end;
    }
    if (isOverrun(at, count, sourceEnd)) return TRUNCATED;
  }

  if (out != outEnd) return CORRUPT;
  at -= count >> 3;
  if (sourceEnd - at < 4) return TRUNCATED;
  if (adler32(target, targetBytes, 1) != bswap<u32>(load<u32>(at))) return CORRUPT;
  return (at + 4 - source) as i32;
}

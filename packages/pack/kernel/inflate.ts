import { adler32 } from "./adler";
import { copyBytes } from "./copy";
import { DISTANCE_SYMBOLS, LITERAL_SYMBOLS, buildTable, distanceMeanings, literalMeanings } from "./huffman";
import { distanceBits, distanceTable, literalBits, literalTable, readCodes } from "./inflate-codes";
import {
  CORRUPT,
  OVERREAD,
  TRUNCATED,
  heldBits,
  heldCount,
  isOverrun,
  nextByte,
  nextOutput,
  setInput,
  setOutput,
} from "./inflate-cursor";
import { decodeSymbols } from "./inflate-symbols";

/** Inflates whole zlib streams (RFC 1950, RFC 1951). */
const FIXED_LITERAL_BITS: u32 = 9;
const FIXED_DISTANCE_BITS: u32 = 5;
const fixedLiteralTable: usize = memory.data(2048, 64);
const fixedDistanceTable: usize = memory.data(128, 64);
const fixedLengths: usize = memory.data(320, 64);

memory.fill(fixedLengths, 8, 144);
memory.fill(fixedLengths + 144, 9, 112);
memory.fill(fixedLengths + 256, 7, 24);
memory.fill(fixedLengths + 280, 8, 8);
buildTable(fixedLengths, LITERAL_SYMBOLS, literalMeanings, fixedLiteralTable, FIXED_LITERAL_BITS);
memory.fill(fixedLengths, 5, DISTANCE_SYMBOLS);
buildTable(fixedLengths, DISTANCE_SYMBOLS, distanceMeanings, fixedDistanceTable, FIXED_DISTANCE_BITS);

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

    let refusal: i32;
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
    }
    setInput(at, bits, count);
    setOutput(out);
    if (type == 1) {
      refusal = decodeSymbols(
        sourceEnd,
        target,
        outEnd,
        fixedLiteralTable,
        FIXED_LITERAL_BITS,
        fixedDistanceTable,
        FIXED_DISTANCE_BITS,
      );
    } else if (type == 2) {
      refusal = readCodes(sourceEnd);
      if (refusal != 0) return refusal;
      refusal = decodeSymbols(
        sourceEnd,
        target,
        outEnd,
        literalTable,
        literalBits(),
        distanceTable,
        distanceBits(),
      );
    } else {
      return CORRUPT;
    }
    if (refusal != 0) return refusal;
    at = nextByte();
    bits = heldBits();
    count = heldCount();
    out = nextOutput();
    if (isOverrun(at, count, sourceEnd)) return TRUNCATED;
  }

  if (out != outEnd) return CORRUPT;
  at -= count >> 3;
  if (sourceEnd - at < 4) return TRUNCATED;
  if (adler32(target, targetBytes, 1) != bswap<u32>(load<u32>(at))) return CORRUPT;
  return (at + 4 - source) as i32;
}

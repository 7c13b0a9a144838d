import {
  CORRUPT,
  OVERREAD,
  TRUNCATED,
  fault,
  heldBits,
  heldCount,
  isOverrun,
  nextByte,
  setInput,
} from "./inflate-cursor";
import { SPECIAL, buildTable, distanceMeanings, literalMeanings, precodeMeanings } from "./huffman";

/** The codes that a dynamic block brings with it. */
const MAX_LITERAL_ROOT_BITS: u32 = 10;
const MAX_DISTANCE_ROOT_BITS: u32 = 8;
const MAX_PRECODE_ROOT_BITS: u32 = 7;

/** Room for the largest tables that codes can make: 1,334 entries over 10 bits, 402 over 8. */
export const literalTable: usize = memory.data(8192, 64);
export const distanceTable: usize = memory.data(2048, 64);
const precodeTable: usize = memory.data(512, 64);
let literalRootBits: u32 = 0;
let distanceRootBits: u32 = 0;

/** Code lengths as the header gives them; zeros are written up to the next multiple of eight. */
const lengths: usize = memory.data(512, 64);
const distanceLengths: usize = memory.data(64, 64);
const precodeOrder: usize = memory.data<u8>([
  16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
]);

export function literalBits(): u32 {
  return literalRootBits;
}

export function distanceBits(): u32 {
  return distanceRootBits;
}

/**
 * Reads the code lengths of a dynamic block (RFC 1951, section 3.2.7) and builds its tables.
 * Answers 0, or why not.
 */
export function readCodes(sourceEnd: usize): i32 {
  let at = nextByte();
  let bits = heldBits();
  let count = heldCount();
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
  const precodeBits = buildTable(lengths, 19, precodeMeanings, precodeTable, MAX_PRECODE_ROOT_BITS);
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
  v128.store(distanceLengths, v128.load(lengths + literals));
  v128.store(distanceLengths, v128.load(lengths + literals, 16), 16);
  const forDistances = buildTable(
    distanceLengths,
    distances,
    distanceMeanings,
    distanceTable,
    MAX_DISTANCE_ROOT_BITS,
  );
  if (forDistances < 0) return CORRUPT;
  const forLiterals = buildTable(lengths, literals, literalMeanings, literalTable, MAX_LITERAL_ROOT_BITS);
  if (forLiterals < 0) return CORRUPT;
  literalRootBits = forLiterals;
  distanceRootBits = forDistances;
  setInput(at, bits, count);
  return 0;
}

import {
  CORRUPT,
  OVERREAD,
  TRUNCATED,
  fault,
  heldBits,
  heldCount,
  nextByte,
  nextOutput,
  setInput,
  setOutput,
} from "./inflate-cursor";
import { END, LITERAL, SPECIAL, SUBTABLE } from "./huffman";

/**
 * Decodes the symbols of one block up to its end, from the cursor on. Answers 0, or why it cannot be.
 *
 * Bits past the end of input are decoded like others; a fault that they take part in, and an end, count as truncation.
 * The low six bits of an entry are the bits that it takes, so entries are shift counts as they are, and only the low
 * eight bits of `count` mean something.
 */
export function decodeSymbols(
  sourceEnd: usize,
  target: usize,
  outEnd: usize,
  literals: usize,
  literalBits: u32,
  distances: usize,
  distanceBits: u32,
): i32 {
  const literalMask: u32 = ((1 << literalBits) - 1) << 2;
  const distanceMask: u32 = ((1 << distanceBits) - 1) << 2;
  const lastByte = sourceEnd + OVERREAD;
  let at = nextByte();
  let bits = heldBits();
  let count = heldCount();
  let out = nextOutput();
  let entry: u32;
  for (;;) {
    if (out > outEnd) return fault(at, count & 63, sourceEnd);
    if (at > lastByte) return TRUNCATED;
    bits |= load<u64>(at) << (count as u64);
    at += 7 - ((count >> 3) & 7);
    count |= 56;

    // At most 15 bits for a code and 5 behind it, then 15 and 13: 48 of the 56 at hand.
    entry = load<u32>(literals + (((bits << 2) as u32) & literalMask));
    if (entry & LITERAL) {
      bits >>= entry as u64;
      count -= entry;
      store<u8>(out++, (entry >> 16) as u8);
      entry = load<u32>(literals + (((bits << 2) as u32) & literalMask));
      if (entry & LITERAL) {
        bits >>= entry as u64;
        count -= entry;
        store<u8>(out++, (entry >> 16) as u8);
        entry = load<u32>(literals + (((bits << 2) as u32) & literalMask));
        if (entry & LITERAL) {
          bits >>= entry as u64;
          count -= entry;
          store<u8>(out++, (entry >> 16) as u8);
          continue;
        }
      }
      bits |= load<u64>(at) << (count as u64);
      at += 7 - ((count >> 3) & 7);
      count |= 56;
    }
    if (entry & SPECIAL) {
      if (entry & SUBTABLE) {
        bits >>= entry as u64;
        count -= entry;
        const index = (entry >> 16) + ((bits as u32) & ((1 << ((entry >> 8) & 15)) - 1));
        entry = load<u32>(literals + (index << 2));
        if (entry & LITERAL) {
          bits >>= entry as u64;
          count -= entry;
          store<u8>(out++, (entry >> 16) as u8);
          continue;
        }
      }
      if (entry & SPECIAL) {
        bits >>= entry as u64;
        count -= entry;
        if ((entry & END) == 0) return fault(at, count & 63, sourceEnd);
        break;
      }
    }
    const length: usize = (entry >> 16) + (((bits as u32) & ((1 << entry) - 1)) >> ((entry >> 8) & 15));
    bits >>= entry as u64;
    count -= entry;

    entry = load<u32>(distances + (((bits << 2) as u32) & distanceMask));
    if (entry & SPECIAL) {
      bits >>= entry as u64;
      count -= entry;
      if ((entry & SUBTABLE) == 0) return fault(at, count & 63, sourceEnd);
      const index = (entry >> 16) + ((bits as u32) & ((1 << ((entry >> 8) & 15)) - 1));
      entry = load<u32>(distances + (index << 2));
      if (entry & SPECIAL) return fault(at, (count - entry) & 63, sourceEnd);
    }
    const distance: usize = (entry >> 16) + (((bits as u32) & ((1 << entry) - 1)) >> ((entry >> 8) & 15));
    bits >>= entry as u64;
    count -= entry;

    if (distance > out - target || length + out > outEnd) return fault(at, count & 63, sourceEnd);
    let from = out - distance;
    const end = out + length;
    if (distance >= 8) {
      store<u64>(out, load<u64>(from));
      store<u64>(out, load<u64>(from, 8), 8);
      while (out + 16 < end) {
        from += 16;
        out += 16;
        store<u64>(out, load<u64>(from));
        store<u64>(out, load<u64>(from, 8), 8);
      }
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
  setInput(at, bits, count & 63);
  setOutput(out);
  return 0;
}

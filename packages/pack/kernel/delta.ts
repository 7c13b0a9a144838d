import { copyBytes } from "./copy";

/** Applies deltas (gitformat-pack, "deltified representation"). */
export const BAD: i32 = -1;
export const TOO_LARGE: i32 = -2;

/** Bytes of a size at the front of a delta; what passes 2^53 - 1 is refused. */
const MAX_SIZE_BYTES: usize = 8;
const MAX_SIZE: u64 = 0x1fffffffffffff;
const NO_SIZE: u64 = 0xffffffffffffffff;

let cursor: usize = 0;
/** Copies noted by the last tracked delta, or -1 where there were more than fit. */
let ranges: i32 = 0;

export function rangeCount(): i32 {
  return ranges;
}

function readSize(end: usize): u64 {
  let size: u64 = 0;
  const last = cursor + MAX_SIZE_BYTES;
  for (let shift: u64 = 0; cursor < end && cursor < last; shift += 7) {
    const byte = load<u8>(cursor++) as u64;
    size |= (byte & 0x7f) << shift;
    if (byte < 0x80) return size > MAX_SIZE ? NO_SIZE : size;
  }
  return NO_SIZE;
}

export function applyDelta(
  base: usize,
  baseBytes: usize,
  delta: usize,
  deltaBytes: usize,
  target: usize,
  targetBytes: usize,
): i32 {
  return applyDeltaTracked(base, baseBytes, delta, deltaBytes, target, targetBytes, 0, 0);
}

/**
 * The same, and notes its copies as u32 triples (start in the target, start in the base, length), at most `maxRanges`
 * at `rangesAt`. Copies that touch in both are one.
 */
export function applyDeltaTracked(
  base: usize,
  baseBytes: usize,
  delta: usize,
  deltaBytes: usize,
  target: usize,
  targetBytes: usize,
  rangesAt: usize,
  maxRanges: u32,
): i32 {
  ranges = 0;
  const end = delta + deltaBytes;
  cursor = delta;
  const declaredBase = readSize(end);
  const declaredResult = declaredBase == NO_SIZE ? NO_SIZE : readSize(end);
  if (declaredResult == NO_SIZE || declaredBase != (baseBytes as u64)) return BAD;
  if (declaredResult > (targetBytes as u64)) return TOO_LARGE;
  return run(base, baseBytes, cursor, end, target, declaredResult as usize, rangesAt, maxRanges);
}

/** Carries out the instructions from `at` on, which must make exactly `resultBytes`. */
function run(
  base: usize,
  baseBytes: usize,
  at: usize,
  end: usize,
  target: usize,
  resultBytes: usize,
  rangesAt: usize,
  maxRanges: u32,
): i32 {
  let out = target;
  const outEnd = target + resultBytes;
  /** The end of the last copy, in target and base. */
  let copiedTo: usize = 0;
  let copiedFrom: usize = 0;
  let noted: u32 = 0;
  while (at < end) {
    const op = load<u8>(at++) as usize;
    if (op & 0x80) {
      let from: usize = 0;
      let length: usize = 0;
      // Operands past the end are read, and refused below.
      if (op & 0x01) from = load<u8>(at++);
      if (op & 0x02) from |= (load<u8>(at++) as usize) << 8;
      if (op & 0x04) from |= (load<u8>(at++) as usize) << 16;
      if (op & 0x08) from |= (load<u8>(at++) as usize) << 24;
      if (op & 0x10) length = load<u8>(at++);
      if (op & 0x20) length |= (load<u8>(at++) as usize) << 8;
      if (op & 0x40) length |= (load<u8>(at++) as usize) << 16;
      if (length == 0) length = 0x10000;
      if (at > end || from > baseBytes || length > baseBytes - from || length > outEnd - out) return BAD;
      if (rangesAt != 0) {
        if (noted != 0 && out == copiedTo && base + from == copiedFrom) {
          const last = rangesAt + (noted - 1) * 12;
          if (noted <= maxRanges) store<u32>(last, load<u32>(last, 8) + (length as u32), 8);
        } else {
          const next = rangesAt + noted * 12;
          if (noted++ < maxRanges) {
            store<u32>(next, (out - target) as u32);
            store<u32>(next, from as u32, 4);
            store<u32>(next, length as u32, 8);
          }
        }
        copiedTo = out + length;
        copiedFrom = base + from + length;
      }
      copyBytes(out, base + from, length);
      out += length;
    } else {
      if (op == 0 || op > end - at || op > outEnd - out) return BAD;
      copyBytes(out, at, op);
      at += op;
      out += op;
    }
  }
  if (rangesAt != 0) ranges = noted > maxRanges ? -1 : noted;
  return out == outEnd ? (resultBytes as i32) : BAD;
}

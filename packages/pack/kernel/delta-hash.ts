/** The hash of 16 bytes that deltas are found by: a polynomial in 32 bits, which can be rolled on by one byte. */
export const BLOCK: usize = 16;

const FACTOR: u32 = 0x2c1b3c6d;
/** Spreads a hash over the bits that choose a bucket. */
const SPREAD: u32 = 0x9e3779b1;

const power = memory.data(64, 16);
let factor16: u32 = 0;

function prepare(): void {
  let value: u32 = 1;
  for (let i: i32 = 15; i >= 0; i--) {
    store<u32>(power + ((<usize>i) << 2), value);
    value *= FACTOR;
  }
  factor16 = value;
}

/** The hash of the 16 bytes at `at`. */
export function hashBlock(at: usize): u32 {
  if (factor16 == 0) prepare();
  const bytes = v128.load(at);
  const low = i16x8.extend_low_i8x16_u(bytes);
  const high = i16x8.extend_high_i8x16_u(bytes);
  const sums = i32x4.add(
    i32x4.add(
      i32x4.mul(i32x4.extend_low_i16x8_u(low), v128.load(power)),
      i32x4.mul(i32x4.extend_high_i16x8_u(low), v128.load(power, 16)),
    ),
    i32x4.add(
      i32x4.mul(i32x4.extend_low_i16x8_u(high), v128.load(power, 32)),
      i32x4.mul(i32x4.extend_high_i16x8_u(high), v128.load(power, 48)),
    ),
  );
  return (
    (i32x4.extract_lane(sums, 0) as u32) +
    (i32x4.extract_lane(sums, 1) as u32) +
    (i32x4.extract_lane(sums, 2) as u32) +
    (i32x4.extract_lane(sums, 3) as u32)
  );
}

/** The hash of the 16 bytes that start one later, of which `incoming` is the last; `outgoing` was the first before. */
export function rollHash(hash: u32, outgoing: u32, incoming: u32): u32 {
  return hash * FACTOR + incoming - outgoing * factor16;
}

/** One of 2^`bits` buckets. */
export function bucketOf(hash: u32, bits: u32): usize {
  return ((hash * SPREAD) >>> (32 - bits)) as usize;
}

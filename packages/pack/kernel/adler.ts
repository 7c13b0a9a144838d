/** Adler-32 (RFC 1950, section 8). */
const MODULUS: u32 = 65521;
/** The most bytes, in steps of 16, whose sums stay below 2^32 before a reduction. */
const RUN_BYTES: usize = 5536;

/** Weights 16 down to 1 for the sixteen bytes of a step. */
const weightsLow: usize = memory.data<i16>([16, 15, 14, 13, 12, 11, 10, 9], 16);
const weightsHigh: usize = memory.data<i16>([8, 7, 6, 5, 4, 3, 2, 1], 16);

function sumLanes(lanes: v128): u32 {
  return (
    i32x4.extract_lane(lanes, 0) +
    i32x4.extract_lane(lanes, 1) +
    i32x4.extract_lane(lanes, 2) +
    i32x4.extract_lane(lanes, 3)
  );
}

/** Continues `seed`, the Adler-32 of what came before (1 at the start), over `length` bytes. */
export function adler32(at: usize, length: usize, seed: u32): u32 {
  let a = seed & 0xffff;
  let b = seed >> 16;
  const low = v128.load(weightsLow);
  const high = v128.load(weightsHigh);
  while (length >= 16) {
    const run: usize = length < RUN_BYTES ? length & ~15 : RUN_BYTES;
    const stop = at + run;
    /** Sums of bytes, sums of those sums before each step, and weighted sums within the steps. */
    let sums = i32x4.splat(0);
    let before = i32x4.splat(0);
    let within = i32x4.splat(0);
    while (at < stop) {
      const bytes = v128.load(at);
      const first = i16x8.extend_low_i8x16_u(bytes);
      const second = i16x8.extend_high_i8x16_u(bytes);
      before = i32x4.add(before, sums);
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.add(first, second)));
      within = i32x4.add(within, i32x4.dot_i16x8_s(first, low));
      within = i32x4.add(within, i32x4.dot_i16x8_s(second, high));
      at += 16;
    }
    b = (b + a * (run as u32) + ((sumLanes(before) % MODULUS) << 4) + sumLanes(within)) % MODULUS;
    a = (a + sumLanes(sums)) % MODULUS;
    length -= run;
  }
  const end = at + length;
  while (at < end) {
    a += load<u8>(at++);
    b += a;
  }
  return ((b % MODULUS) << 16) | (a % MODULUS);
}

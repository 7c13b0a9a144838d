/**
 * The disturbance vectors that every known feasible SHA-1 collision attack uses, and the conditions on the expanded
 * message that each of them cannot avoid.
 *
 * Source of the vectors, the conditions and the two starting steps: M. Stevens, D. Shumow, "Speeding up detection of
 * SHA-1 collision attacks using unavoidable attack conditions" (USENIX Security 2017), and the lists published with
 * it (github.com/cr-marcstevens/sha1collisiondetection). A vector is type I or II, a step K and a bit b. Within a
 * type and a bit, vectors are one pattern moved along the steps, so conditions are written relative to K and once.
 */

/**
 * `[first K, last K, chain]`. A chain names bits of the expanded message as `step-K.bit`: each later one equals the
 * first (`=`) or differs from it (`!`).
 */
export const FAMILIES = [
  {
    type: 1,
    bit: 0,
    steps: [43, 44, 45, 46, 47, 48, 49, 50, 51, 52],
    conditions: [
      [43, 52, "-6.4 !-4.4 =-3.29 =-2.4 !-1.29 !0.4 =1.29 !3.29 !4.29"],
      [44, 52, "-6.4 =-4.29"],
      [45, 52, "-10.4 =-6.29"],
      [47, 52, "-10.4 =-7.29"],
      [48, 52, "-10.4 =-8.29"],
      [48, 52, "-13.4 =-9.29"],
      [50, 52, "-13.4 !-14.4"],
      [51, 51, "-16.3 =-12.28"],
      [43, 48, "15.0 !16.5"],
      [43, 44, "16.5 =20.30"],
      [43, 45, "18.1 !19.6"],
    ],
  },
  {
    type: 1,
    bit: 2,
    steps: [46, 47, 48, 49, 50, 51],
    conditions: [
      [46, 51, "-7.1 !-6.6 !-4.6 !-2.6 !0.6 !1.1"],
      [46, 51, "-11.1 !-10.6"],
      [49, 51, "-11.1 !-9.1"],
      [49, 51, "-14.1 !-13.6"],
      [51, 51, "-14.1 =-14.6"],
      [51, 51, "-16.5 =-12.30"],
      [46, 48, "15.2 !16.7"],
    ],
  },
  {
    type: 2,
    bit: 0,
    steps: [45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56],
    conditions: [
      [45, 56, "-4.4 =-2.29 =-1.29 =0.29"],
      [45, 56, "-9.4 =-5.29"],
      [46, 56, "-9.4 =-6.29"],
      [47, 56, "-9.4 =-7.29"],
      [45, 56, "4.4 =8.29"],
      [45, 54, "2.4 =5.29"],
      [45, 55, "2.4 =4.29"],
      [45, 53, "8.29 !5.29"],
      [45, 52, "8.29 =7.29"],
      [47, 56, "-12.4 =-8.29"],
      [47, 56, "-12.3 =-8.28"],
      [48, 52, "-12.3 !-13.30"],
      [52, 56, "-16.4 !-14.4"],
      [53, 56, "-16.4 =-13.29"],
      [54, 56, "-18.4 =-14.4"],
      [55, 56, "-18.4 =-15.29"],
      [56, 56, "-18.4 =-16.29"],
      [45, 48, "15.0 !16.5"],
      [45, 45, "18.1 !19.6"],
    ],
  },
  {
    type: 2,
    bit: 2,
    steps: [46, 49, 50, 51],
    conditions: [
      [46, 51, "-5.1 !-4.6 !-3.1"],
      [46, 51, "5.1 =4.6 =2.6 !1.1"],
      [46, 51, "-10.1 !-9.6"],
      [49, 51, "-10.1 !-8.1"],
      [49, 51, "-13.0 !-12.5 !-8.30"],
      [46, 46, "15.2 !16.7"],
    ],
  },
];

const rotateLeft = (word, count) => ((word << count) | (word >>> (32 - count))) >>> 0;

/**
 * The difference that a vector's local collisions make in each of the 80 words of the expanded message: the
 * disturbances are a codeword of the message expansion, and each is corrected in the five steps after it.
 */
function messageDifferences(type, step, bit) {
  const disturbance = new Map();
  for (let t = step; t < step + 15; t++) disturbance.set(t, 0);
  disturbance.set(step + 15, rotateLeft(1, bit));
  if (type === 2) {
    disturbance.set(step + 1, rotateLeft(1, (31 + bit) % 32));
    disturbance.set(step + 3, rotateLeft(1, (31 + bit) % 32));
  }
  const at = (t) => disturbance.get(t);
  for (let t = step + 16; t < 80; t++) {
    disturbance.set(t, rotateLeft(at(t - 3) ^ at(t - 8) ^ at(t - 14) ^ at(t - 16), 1));
  }
  for (let t = step - 1; t >= -5; t--) {
    disturbance.set(t, (rotateLeft(at(t + 16), 31) ^ at(t + 13) ^ at(t + 8) ^ at(t + 2)) >>> 0);
  }
  return Array.from(
    { length: 80 },
    (_, t) =>
      (at(t) ^
        rotateLeft(at(t - 1), 5) ^
        at(t - 2) ^
        rotateLeft(at(t - 3), 30) ^
        rotateLeft(at(t - 4), 30) ^
        rotateLeft(at(t - 5), 30)) >>>
      0,
  );
}

/**
 * Every vector in a fixed order, which numbers the bits of the masks that the kernel works with. `start` is the step
 * whose state the two messages of a pair share: recompression leaves from there.
 */
export const VECTORS = FAMILIES.flatMap(({ type, bit, steps }, family) =>
  steps.map((step) => ({
    family,
    type,
    step,
    bit,
    start: step < 50 ? 58 : 65,
    differences: messageDifferences(type, step, bit),
  })),
);

/** Reads a chain: bits by their distance from K, each with whether it differs from the first. */
export function readChain(chain) {
  return chain.split(" ").map((text) => {
    const [, sign, step, bit] = /^([=!]?)(-?\d+)\.(\d+)$/.exec(text);
    return { step: Number(step), bit: Number(bit), differ: sign === "!" };
  });
}

/** The conditions of each vector, one by one. */
export const CONDITIONS = VECTORS.flatMap(({ family, step }, vector) =>
  FAMILIES[family].conditions
    .filter(([first, last]) => step >= first && step <= last)
    .flatMap(([, , chain]) => {
      const [root, ...others] = readChain(chain);
      return others.map((other) => ({
        vector,
        stepA: step + root.step,
        bitA: root.bit,
        stepB: step + other.step,
        bitB: other.bit,
        differ: other.differ,
      }));
    }),
);

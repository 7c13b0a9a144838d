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
const FAMILIES = [
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
export const VECTORS = FAMILIES.flatMap(({ type, bit, steps }) =>
  steps.map((step) => ({
    type,
    step,
    bit,
    start: step < 50 ? 58 : 65,
    differences: messageDifferences(type, step, bit),
  })),
);

/**
 * The conditions, each with the set of vectors (a mask over their numbers) that need it: bit `bitA` of word `stepA`
 * and bit `bitB` of word `stepB` differ, or not. Of the many ways to write down what a vector needs, the one is taken
 * that vectors share most; those that most share come first.
 */
export const CONDITIONS = shareConditions();

function shareConditions() {
  const systems = vectorSystems();
  const conditions = [];
  for (;;) {
    /** What each condition that is not yet implied would do for how many vectors. */
    const candidates = new Map();
    systems.forEach(({ classes, joined }, number) => {
      for (const members of classes) {
        for (let i = 0; i < members.length; i++) {
          for (let j = i + 1; j < members.length; j++) {
            if (joined.get(members[i].key) === joined.get(members[j].key)) continue;
            const [a, b] = [members[i], members[j]];
            const differ = a.parity !== b.parity;
            const key = `${a.key} ${differ ? "!" : "="} ${b.key}`;
            const found = candidates.get(key) ?? { a, b, differ, vectors: 0 };
            found.vectors = (found.vectors | (1 << number)) >>> 0;
            candidates.set(key, found);
          }
        }
      }
    });
    if (candidates.size === 0) return conditions;
    const best = [...candidates.values()].reduce((x, y) =>
      bitCount(y.vectors) > bitCount(x.vectors) ? y : x,
    );
    conditions.push({
      stepA: best.a.step,
      bitA: best.a.bit,
      stepB: best.b.step,
      bitB: best.b.bit,
      differ: best.differ,
      vectors: best.vectors,
    });
    systems.forEach(({ joined }, number) => {
      if (((best.vectors >>> number) & 1) === 0) return;
      const [from, to] = [joined.get(best.a.key), joined.get(best.b.key)];
      for (const [key, group] of joined) if (group === from) joined.set(key, to);
    });
  }
}

/**
 * For each vector the classes of message bits that its conditions tie together, each bit with its parity within the
 * class; `joined` tells which bits the chosen conditions have tied so far.
 */
function vectorSystems() {
  return FAMILIES.flatMap(({ steps, conditions }) =>
    steps.map((step) => {
      const bits = new Map();
      for (const [first, last, chain] of conditions) {
        if (step < first || step > last) continue;
        const [root, ...others] = chain.split(" ").map((text) => place(text, step));
        for (const other of others) tie(bits, root, other);
      }
      const classes = [...new Set([...bits.values()].map((bit) => bit.members))];
      for (const members of classes) members.sort((x, y) => x.step - y.step || x.bit - y.bit);
      return { classes, joined: new Map([...bits.keys()].map((key) => [key, key])) };
    }),
  );
}

/** Ties two bits, and with them the classes they are in. */
function tie(bits, one, two) {
  for (const bit of [one, two]) {
    if (!bits.has(bit.key))
      bits
        .set(bit.key, { ...bit, parity: 0, members: [] })
        .get(bit.key)
        .members.push(bits.get(bit.key));
  }
  const [a, b] = [bits.get(one.key), bits.get(two.key)];
  if (a.members === b.members) throw new Error(`${one.key} and ${two.key} are tied already`);
  const flip = a.parity ^ b.parity ^ (two.differ ? 1 : 0);
  for (const member of b.members) {
    member.parity ^= flip;
    member.members = a.members;
    a.members.push(member);
  }
}

/** Reads `=2.29`: the bit, and whether it differs from the first of its chain. */
function place(text, step) {
  const [, sign, offset, bit] = /^([=!]?)(-?\d+)\.(\d+)$/.exec(text);
  const key = `${step + Number(offset)}.${bit}`;
  return { key, step: step + Number(offset), bit: Number(bit), differ: sign === "!" };
}

function bitCount(word) {
  let count = 0;
  for (let rest = word; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}

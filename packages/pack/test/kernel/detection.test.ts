import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CONDITIONS, VECTORS } from "../../kernel/generate/disturbance-vectors.js";
import { createKernel } from "../../src/kernel/kernel.ts";

const kernel = createKernel();
const { exports, words } = kernel;
const schedule = kernel.heapStart;
const checkpoint = schedule + 1280;
const state = checkpoint + 80;
const findSuspects = exports["findSuspects"] as (schedule: number) => number;
const recompress = {
  58: exports["recompress58"] as (schedule: number, checkpoint: number, state: number) => number,
  65: exports["recompress65"] as (schedule: number, checkpoint: number, state: number) => number,
};

const put = (at: number, lane: number, values: ArrayLike<number>): void => {
  for (let i = 0; i < values.length; i++) words[(at >> 2) + 4 * i + lane] = values[i]!;
};
const word = fc.integer({ min: 0, max: 0xffffffff });
const expanded = fc.array(word, { minLength: 80, maxLength: 80 }).map((values) => Uint32Array.from(values));
const bitOf = (message: Uint32Array, step: number, bit: number): number => (message[step]! >>> bit) & 1;
const isSuspected = (vectors: number, number: number): boolean => ((vectors >>> number) & 1) === 1;

/** The vectors whose every condition a message meets, one condition after another. */
function judge(message: Uint32Array): number {
  let mask = 0xffffffff;
  for (const { stepA, bitA, stepB, bitB, differ, vector } of CONDITIONS) {
    if ((bitOf(message, stepA, bitA) !== bitOf(message, stepB, bitB)) !== differ) mask &= ~(1 << vector);
  }
  return mask >>> 0;
}

/** Changes bits until a message meets all conditions of a vector. */
function suit(message: Uint32Array, number: number): Uint32Array {
  const fitting = message.slice();
  const needed = CONDITIONS.filter(({ vector }) => vector === number);
  // A vector's conditions form a forest: from the root of each tree on, every other bit follows.
  const settled = new Set<string>();
  const key = (step: number, bit: number): string => `${step}.${bit}`;
  const settle = (step: number, bit: number): void => {
    settled.add(key(step, bit));
    for (const { stepA, bitA, stepB, bitB, differ } of needed) {
      const [from, to] = [
        [stepA, bitA],
        [stepB, bitB],
      ] as const;
      for (const [[one, oneBit], [two, twoBit]] of [
        [from, to],
        [to, from],
      ] as const) {
        if (one !== step || oneBit !== bit || settled.has(key(two, twoBit))) continue;
        if ((bitOf(fitting, one, oneBit) !== bitOf(fitting, two, twoBit)) !== differ) {
          fitting[two]! ^= 1 << twoBit;
        }
        settle(two, twoBit);
      }
    }
  };
  for (const { stepA, bitA } of needed) if (!settled.has(key(stepA, bitA))) settle(stepA, bitA);
  return fitting;
}

describe("the vectors", () => {
  it("are the 32 that were published", () => {
    const names = VECTORS.map(({ type, step, bit }) => `${"I".repeat(type)}(${step},${bit})`);
    expect(names.sort().join(" ")).toBe(
      [
        ...[43, 44, 45, 46, 47, 48, 49, 50, 51, 52].map((step) => `I(${step},0)`),
        ...[46, 47, 48, 49, 50, 51].map((step) => `I(${step},2)`),
        ...[45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56].map((step) => `II(${step},0)`),
        ...[46, 49, 50, 51].map((step) => `II(${step},2)`),
      ]
        .sort()
        .join(" "),
    );
  });

  it("have 7 to 15 conditions each, and a block in twenty meets those of one", () => {
    const counts = VECTORS.map((_, number) => CONDITIONS.filter(({ vector }) => vector === number).length);
    expect([Math.min(...counts), Math.max(...counts)]).toEqual([7, 15]);
    expect(counts.reduce((sum, count) => sum + 2 ** -count, 0)).toBeCloseTo(0.0495, 4);
  });

  // The first and last words of rows of the published list.
  it.each([
    [1, 43, 0, [0x08000000, 0x9800000c, 0xd8000010], [0x00000803, 0x80000161, 0x80000599]],
    [1, 46, 2, [0xb0000040, 0xd0000053, 0xd0000022], [0x00001020, 0x0000039a, 0x00000132]],
    [2, 45, 0, [0xec000014, 0x0c000002, 0xc0000010], [0x000002e4, 0x80000054, 0x00000967]],
    [2, 46, 2, [0x90000070, 0xb0000053, 0x30000008], [0x0000106a, 0x00000b90, 0x00000152]],
    [2, 56, 0, [0x2600001a, 0x00000010, 0x0400001c], [0x80000005, 0xc0000082, 0xc0000046]],
  ])("make the published differences: type %d, step %d, bit %d", (type, step, bit, first, last) => {
    const vector = VECTORS.find((one) => one.type === type && one.step === step && one.bit === bit);
    expect(vector?.differences.slice(0, 3)).toEqual(first);
    expect(vector?.differences.slice(77)).toEqual(last);
  });

  it("have no difference from the step that recompression leaves from to the last disturbance", () => {
    for (const { start, step, differences } of VECTORS) {
      expect(differences.slice(start, step + 15).every((difference) => difference === 0)).toBe(true);
      expect(differences[step + 15]).not.toBe(0);
    }
  });
});

describe("the test of conditions", () => {
  it("agrees with the conditions one by one, in every lane", () => {
    const messages = fc.array(fc.tuple(expanded, fc.nat(31), fc.nat(3)), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(messages, fc.nat(79), fc.nat(31), (four, step, bit) => {
        const tested = four.map(([message, number, how]) => {
          const fitting = how === 0 ? message : suit(message, number);
          if (how === 1) fitting[step]! ^= 1 << bit;
          return fitting;
        });
        tested.forEach((message, lane) => put(schedule, lane, message));
        const masks = findSuspects(schedule) >> 2;
        tested.forEach((message, lane) => expect(words[masks + lane]).toBe(judge(message)));
      }),
      { numRuns: 1000 },
    );
  });

  it("needs every one of a vector's conditions", () => {
    const message = Uint32Array.from({ length: 80 }, (_, i) => Math.imul(i + 1, 0x9e3779b1));
    VECTORS.forEach((_, number) => {
      const fitting = suit(message, number);
      const passes = (tested: Uint32Array): boolean => {
        for (let lane = 0; lane < 4; lane++) put(schedule, lane, lane === number % 4 ? tested : message);
        return isSuspected(words[(findSuspects(schedule) >> 2) + (number % 4)]!, number);
      };
      expect(passes(fitting)).toBe(true);
      for (const { stepA, bitA, vector } of CONDITIONS) {
        if (vector !== number) continue;
        const broken = fitting.slice();
        broken[stepA]! ^= 1 << bitA;
        expect(passes(broken)).toBe(false);
      }
    });
  });
});

const rotate = (value: number, count: number): number => (value << count) | (value >>> (32 - count));

/** The rotation, function and constant of a step (FIPS 180-4, section 6.1.2), added up. */
function added(step: number, [a, b, c, d]: readonly number[]): number {
  const group = Math.floor(step / 20);
  const mixes = [(b! & c!) | (~b! & d!), b! ^ c! ^ d!, (b! & c!) | (b! & d!) | (c! & d!), b! ^ c! ^ d!];
  return rotate(a!, 5) + mixes[group]! + [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6][group]!;
}

describe.each([58, 65] as const)("recompression from step %d", (start) => {
  /** What the chaining value is in the end, computed from the state at `start` in both directions. */
  function chain(message: Uint32Array, middle: readonly number[]): number[] {
    let forward = middle;
    for (let t = start; t < 80; t++) {
      const [a, b, c, d, e] = forward as [number, number, number, number, number];
      forward = [(added(t, forward) + e + message[t]!) | 0, a, rotate(b, 30), c, d];
    }
    let back = middle;
    for (let t = start - 1; t >= 0; t--) {
      const [newest, a, c, d, e] = back as [number, number, number, number, number];
      const before = [a, rotate(c, 2), d, e];
      back = [...before, (newest - added(t, before) - message[t]!) | 0];
    }
    return forward.map((value, i) => (value + back[i]!) | 0);
  }

  it("finds the chaining value in every lane, and no other", () => {
    const lane = fc.record({
      message: expanded,
      middle: fc.array(word, { minLength: 5, maxLength: 5 }),
      damage: fc.tuple(fc.nat(4), fc.nat(31), fc.boolean()),
    });
    fc.assert(
      fc.property(fc.array(lane, { minLength: 4, maxLength: 4 }), (four) => {
        let wanted = 0;
        four.forEach(({ message, middle, damage: [which, bit, isDamaged] }, i) => {
          const value = chain(message, middle);
          if (isDamaged) value[which]! ^= 1 << bit;
          else wanted |= 1 << i;
          put(schedule, i, message);
          put(checkpoint, i, middle);
          put(state, i, value);
        });
        expect(recompress[start](schedule, checkpoint, state)).toBe(wanted);
      }),
      { numRuns: 300 },
    );
  });
});

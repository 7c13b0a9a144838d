import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyDelta, readDeltaSizes } from "../../src/delta/apply.ts";
import { DELTA_BAD, DELTA_TOO_LARGE } from "../../src/kernel/kernel.ts";
import { type DeltaStep, encodeDelta } from "../delta-encoder.ts";
import { UNTOUCHED, createBench } from "./memory.ts";

const SLACK_BYTES = 64;
const bench = createBench();
const base = new Uint8Array(200_000).map((_, i) => (i * 7919) >> 5);

const copies = fc
  .tuple(fc.nat(base.length - 1), fc.oneof(fc.nat(300), fc.nat(70_000), fc.constant(0x10000)))
  .map(([from, length]): DeltaStep => ({ from, length: Math.min(Math.max(1, length), base.length - from) }));
const inserts = fc.uint8Array({ minLength: 1, maxLength: 127 });
const steps = fc.array(fc.oneof(copies, inserts), { maxLength: 40 });

interface Applied {
  readonly result: number;
  readonly content: Buffer;
}

function apply(delta: Uint8Array, targetBytes: number, from: Uint8Array = base): Applied {
  bench.clear();
  const baseAt = bench.put(from);
  const deltaAt = bench.put(delta);
  const target = bench.room(targetBytes);
  const result = bench.kernel.applyDelta(baseAt, from.length, deltaAt, delta.length, target, targetBytes);
  const past = bench.get(target + targetBytes + SLACK_BYTES, 64);
  expect(past.every((byte) => byte === UNTOUCHED)).toBe(true);
  return { result, content: bench.get(target, Math.max(0, result)) };
}

describe("applyDelta", () => {
  it("gives what the other implementation gives", () => {
    fc.assert(
      fc.property(steps, (parts) => {
        const { delta, result } = encodeDelta(base, parts);
        const applied = apply(delta, result.length);
        expect(applied.result).toBe(result.length);
        expect(Buffer.compare(applied.content, result)).toBe(0);
      }),
    );
  });

  it("refuses what the other implementation refuses", () => {
    fc.assert(
      fc.property(steps, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean(), (parts, at, flip, cut) => {
        const { delta } = encodeDelta(base, parts);
        delta[at % delta.length]! ^= flip;
        const damaged = cut ? delta.subarray(0, at % delta.length) : delta;
        const limit = 4_000_000;
        let wanted: Uint8Array | string;
        try {
          wanted = applyDelta(base, damaged, limit);
        } catch (error) {
          wanted = (error as { code: string }).code;
        }
        const { result, content } = apply(damaged, limit);
        if (wanted === "PACK_BAD_DELTA") expect(result).toBe(DELTA_BAD);
        else if (wanted === "PACK_LIMIT_EXCEEDED") expect(result).toBe(DELTA_TOO_LARGE);
        else expect(Buffer.compare(content, wanted as Uint8Array)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["no sizes", []],
    ["a size without end", [0x80, 0x80]],
    ["a size past 2^53", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1]],
    [
      "a size past 2^53 that equals the base's in 32 bits",
      [0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, 0],
    ],
    ["another base", [9, 1, 1, 65]],
    ["a base of 2^32 bytes more", [0x84, 0x80, 0x80, 0x80, 0x10, 1, 1, 65]],
    ["a reserved instruction", [4, 1, 0]],
    ["a copy past the base", [4, 4, 0x91, 1, 4]],
    ["a copy from far past the base", [4, 1, 0x9f, 0, 0, 0, 0xff, 1]],
    ["a copy whose end wraps around", [4, 1, 0x9f, 0xff, 0xff, 0xff, 0xff, 1]],
    ["a copy of default length", [4, 4, 0x80]],
    ["an insert past the result", [4, 1, 2, 65, 66]],
    ["an insert past the delta", [4, 2, 2, 65]],
    ["an operand past the delta", [4, 1, 0x91, 0]],
    ["too little", [4, 3, 2, 65, 66]],
  ])("refuses %s", (_, bytes) => {
    expect(apply(Uint8Array.from(bytes), 100, new Uint8Array(4)).result).toBe(DELTA_BAD);
  });

  it("takes a result up to the target's size", () => {
    const delta = Uint8Array.of(4, 2, 2, 65, 66);
    expect(apply(delta, 2, new Uint8Array(4)).result).toBe(2);
    expect(apply(delta, 3, new Uint8Array(4)).result).toBe(2);
    expect(apply(delta, 1, new Uint8Array(4)).result).toBe(DELTA_TOO_LARGE);
    const huge = Uint8Array.of(4, 0x80, 0x80, 0x80, 0x80, 0x10);
    expect(apply(huge, 100, new Uint8Array(4)).result).toBe(DELTA_TOO_LARGE);
    expect(readDeltaSizes(huge).resultBytes).toBe(2 ** 32);
  });
});

describe("applyDeltaTracked", () => {
  /** What is to be noted: copies in order, those that go on where the last one ended joined to it. */
  function wantedRanges(parts: readonly DeltaStep[]): number[][] {
    const ranges: number[][] = [];
    let out = 0;
    for (const part of parts) {
      if (part instanceof Uint8Array) {
        out += part.length;
        continue;
      }
      const last = ranges.at(-1);
      const [start = 0, from = 0, length = 0] = last ?? [];
      if (last !== undefined && start + length === out && from + length === part.from) {
        last[2] = length + part.length;
      } else ranges.push([out, part.from, part.length]);
      out += part.length;
    }
    return ranges;
  }

  const runs = fc
    .tuple(fc.nat(100_000), fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 }))
    .map(([from, lengths]) => {
      let at = from;
      return lengths.map((length): DeltaStep => ({ from: (at += length) - length, length }));
    });
  const sequences = fc
    .array(fc.oneof(runs, fc.tuple(copies), fc.tuple(inserts)), { maxLength: 20 })
    .map((parts): DeltaStep[] => parts.flat());

  it("notes copies, joined where they continue each other, and says when they do not fit", () => {
    fc.assert(
      fc.property(sequences, fc.nat(30), (parts, maxRanges) => {
        const { delta, result } = encodeDelta(base, parts);
        bench.clear();
        const { kernel } = bench;
        const baseAt = bench.put(base);
        const deltaAt = bench.put(delta);
        const target = bench.room(result.length);
        const ranges = (bench.room(maxRanges * 12 + 8) + 3) & ~3;
        const length = kernel.applyDeltaTracked(
          baseAt,
          base.length,
          deltaAt,
          delta.length,
          target,
          result.length,
          ranges,
          maxRanges,
        );
        expect(length).toBe(result.length);
        expect(Buffer.compare(bench.get(target, length), result)).toBe(0);
        const wanted = wantedRanges(parts);
        expect(kernel.rangeCount).toBe(wanted.length > maxRanges ? -1 : wanted.length);
        const noted = kernel.words.subarray(ranges >> 2, (ranges >> 2) + 3 * maxRanges);
        wanted.slice(0, maxRanges).forEach((range, i) => {
          expect([...noted.subarray(3 * i, 3 * i + 3)]).toEqual(range);
        });
        const past = bench.get(ranges + maxRanges * 12, 64);
        expect(past.every((byte) => byte === UNTOUCHED)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

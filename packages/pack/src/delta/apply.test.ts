import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DeltaStep, encodeDelta } from "../../test/delta-encoder.ts";
import { applyDelta, readDeltaSizes } from "./apply.ts";

const code = (code: string) => expect.objectContaining({ code });

const base = new Uint8Array(200_000).map((_, i) => (i * 7919) >> 5);
const copies = fc
  .tuple(fc.nat(base.length - 1), fc.oneof(fc.nat(300), fc.nat(70_000), fc.constant(0x10000)))
  .map(([from, length]): DeltaStep => ({ from, length: Math.min(Math.max(1, length), base.length - from) }));
const inserts = fc.uint8Array({ minLength: 1, maxLength: 127 });

describe("applyDelta", () => {
  it("copies and inserts", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(copies, inserts), { maxLength: 40 }), (steps) => {
        const { delta, result } = encodeDelta(base, steps);
        expect(Buffer.compare(applyDelta(base, delta), result)).toBe(0);
        const sizes = readDeltaSizes(delta);
        expect([sizes.baseBytes, sizes.resultBytes]).toEqual([base.length, result.length]);
      }),
    );
  });

  it("answers damaged deltas with a typed error or a result of the declared size", () => {
    const steps = fc.array(fc.oneof(copies, inserts), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(steps, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean(), (parts, at, flip, cut) => {
        const { delta } = encodeDelta(base, parts);
        delta[at % delta.length]! ^= flip;
        const damaged = cut ? delta.subarray(0, at % delta.length) : delta;
        try {
          const result = applyDelta(base, damaged, 4_000_000);
          expect(result.length).toBe(readDeltaSizes(damaged).resultBytes);
        } catch (error) {
          expect(["PACK_BAD_DELTA", "PACK_LIMIT_EXCEEDED"]).toContain((error as { code: string }).code);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["no sizes", []],
    ["a size without end", [0x80, 0x80]],
    ["a size past 2^53", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1]],
    ["another base", [9, 1, 1, 65]],
    ["a reserved instruction", [4, 1, 0]],
    ["a copy past the base", [4, 4, 0x91, 1, 4]],
    ["a copy from far past the base", [4, 1, 0x9f, 0, 0, 0, 0xff, 1]],
    ["a copy of default length", [4, 4, 0x80]],
    ["an insert past the result", [4, 1, 2, 65, 66]],
    ["an insert past the delta", [4, 2, 2, 65]],
    ["an operand past the delta", [4, 1, 0x91, 0]],
    ["too little", [4, 3, 2, 65, 66]],
    ["nothing of a large result", [4, 0x80, 0x80, 0x80, 0x80, 1]],
  ])("refuses %s", (_, bytes) => {
    expect(() => applyDelta(new Uint8Array(4), Uint8Array.from(bytes))).toThrow(code("PACK_BAD_DELTA"));
  });

  it("keeps to the bound", () => {
    expect(() => applyDelta(new Uint8Array(4), Uint8Array.of(4, 11, 1, 65), 10)).toThrow(
      code("PACK_LIMIT_EXCEEDED"),
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyDelta, readDeltaSizes } from "./apply.ts";

const code = (code: string) => expect.objectContaining({ code });

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const next = Math.floor(rest / 128);
    bytes.push((rest % 128) | (next > 0 ? 0x80 : 0));
    rest = next;
  } while (rest > 0);
  return bytes;
}

type Step = { from: number; length: number } | Uint8Array;

function encode(base: Uint8Array, steps: readonly Step[]): { delta: Uint8Array; result: Uint8Array } {
  const ops: number[] = [];
  const parts: Uint8Array[] = [];
  for (const step of steps) {
    if (step instanceof Uint8Array) {
      ops.push(step.length, ...step);
      parts.push(step);
      continue;
    }
    let op = 0x80;
    const operands: number[] = [];
    const length = step.length === 0x10000 ? 0 : step.length;
    for (let i = 0; i < 4; i++) {
      const byte = (step.from >>> (8 * i)) & 255;
      if (byte !== 0) {
        op |= 1 << i;
        operands.push(byte);
      }
    }
    for (let i = 0; i < 3; i++) {
      const byte = (length >>> (8 * i)) & 255;
      if (byte !== 0) {
        op |= 16 << i;
        operands.push(byte);
      }
    }
    ops.push(op, ...operands);
    parts.push(base.subarray(step.from, step.from + step.length));
  }
  const result = new Uint8Array(Buffer.concat(parts));
  return { delta: Uint8Array.from([...varint(base.length), ...varint(result.length), ...ops]), result };
}

const base = new Uint8Array(200_000).map((_, i) => (i * 7919) >> 5);
const copies = fc
  .tuple(fc.nat(base.length - 1), fc.oneof(fc.nat(300), fc.nat(70_000), fc.constant(0x10000)))
  .map(([from, length]): Step => ({ from, length: Math.min(Math.max(1, length), base.length - from) }));
const inserts = fc.uint8Array({ minLength: 1, maxLength: 127 });

describe("applyDelta", () => {
  it("copies and inserts", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(copies, inserts), { maxLength: 40 }), (steps) => {
        const { delta, result } = encode(base, steps);
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
        const { delta } = encode(base, parts);
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

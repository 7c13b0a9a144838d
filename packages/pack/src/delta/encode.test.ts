import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyDelta } from "./apply.ts";
import { encodeDelta } from "./encode.ts";

const seed = Number(process.env.MILLRACE_SEED ?? 7);

/** Bytes made of pieces of each other, as versions of a file are. */
const versions = fc
  .tuple(
    fc.uint8Array({ maxLength: 3000 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(400), fc.uint8Array({ maxLength: 300 })), { maxLength: 12 }),
    fc.nat(40),
  )
  .map(([start, edits, times]) => {
    const base = Buffer.concat(Array.from({ length: times + 1 }, () => start));
    let target = base;
    for (const [place, removed, added] of edits) {
      const at = place % (target.length + 1);
      target = Buffer.concat([target.subarray(0, at), added, target.subarray(at + removed)]);
    }
    return { base, target };
  });

describe("encodeDelta", () => {
  it("makes what the applier turns into the target again", () => {
    fc.assert(
      fc.property(versions, ({ base, target }) => {
        const delta = encodeDelta(base, target, Number.MAX_SAFE_INTEGER);
        expect(delta).toBeDefined();
        expect(Buffer.compare(applyDelta(base, delta!), target)).toBe(0);
      }),
      { seed, numRuns: 300 },
    );
  });

  it("keeps to its bound, and makes the same delta with just the room it takes", () => {
    fc.assert(
      fc.property(versions, fc.nat(4000), ({ base, target }, maxBytes) => {
        const whole = encodeDelta(base, target, Number.MAX_SAFE_INTEGER)!;
        const delta = encodeDelta(base, target, maxBytes);
        if (delta !== undefined) {
          expect(delta.length).toBeLessThanOrEqual(maxBytes);
          expect(Buffer.compare(delta, whole)).toBe(0);
        }
        // An instruction is as long as it may be at most: a few bytes more always suffice.
        expect(encodeDelta(base, target, whole.length + 7)).toEqual(whole);
      }),
      { seed, numRuns: 300 },
    );
  });

  it("finds a long copy wherever it lies, and takes it in pieces of 64 KiB", () => {
    const base = new Uint8Array(300_000);
    for (let i = 0, state = 1; i < base.length; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
      base[i] = state >>> 16;
    }
    const target = Buffer.concat([Buffer.from("before"), base.subarray(1234), Buffer.from("after")]);
    const delta = encodeDelta(base, target)!;
    expect(delta.length).toBeLessThan(60);
    expect(Buffer.compare(applyDelta(base, delta), target)).toBe(0);
  });

  it("takes runs of one byte in bounded time, and builds on an empty base", () => {
    const zeros = new Uint8Array(1 << 20);
    const delta = encodeDelta(zeros, Buffer.concat([zeros, Buffer.from("end")]))!;
    expect(delta.length).toBeLessThan(100);
    const fresh = Buffer.from("all of this is new\n".repeat(3));
    expect(encodeDelta(new Uint8Array(0), fresh)).toBeUndefined();
    const longer = encodeDelta(new Uint8Array(0), fresh, 1000)!;
    expect(Buffer.compare(applyDelta(new Uint8Array(0), longer), fresh)).toBe(0);
  });
});

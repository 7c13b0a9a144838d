import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planMaintenance } from "./plan.ts";

const seed = Number(process.env.MILLRACE_SEED ?? 7);
const packsOf = (counts: readonly number[]) =>
  counts.map((objectCount, i) => ({ id: `p${i}`, objectCount, stays: false, isCruft: false }));
const plan = (counts: readonly number[], looseCount = 0) =>
  planMaintenance({ packs: packsOf(counts), looseCount, full: false });

describe("planMaintenance", () => {
  it("leaves packs alone that stand in a progression", () => {
    expect(plan([])).toEqual({ kind: "none", packs: [] });
    expect(plan([7])).toEqual({ kind: "none", packs: [] });
    expect(plan([100, 50, 25, 3])).toEqual({ kind: "none", packs: [] });
  });

  it("joins the small ones, and as many more as they come too near to", () => {
    expect(plan([1000, 10, 9])).toEqual({ kind: "roll-up", packs: ["p2", "p1"] });
    expect(plan([1000, 30, 10, 9])).toEqual({ kind: "roll-up", packs: ["p3", "p2", "p1"] });
    expect(plan([1000], 3)).toEqual({ kind: "roll-up", packs: [] });
    expect(plan([1000, 5], 3)).toEqual({ kind: "roll-up", packs: ["p1"] });
  });

  it("finds a full repack due where it would join all", () => {
    expect(plan([10, 9])).toEqual({ kind: "full", packs: ["p1", "p0"] });
    expect(plan([10], 9).kind).toBe("roll-up");
  });

  it("only ever joins the packs of a partial clone", () => {
    const partial = (counts: readonly number[], full = false) =>
      planMaintenance({ packs: packsOf(counts), looseCount: 0, full, isPartial: true });
    expect(partial([10, 9])).toEqual({ kind: "roll-up", packs: ["p1", "p0"] });
    expect(partial([1000, 10, 9])).toEqual({ kind: "roll-up", packs: ["p2", "p1"] });
    expect(partial([1000, 10], true)).toEqual({ kind: "roll-up", packs: ["p1", "p0"] });
    expect(partial([1000], true).kind).toBe("none");
  });

  it("touches neither what stays nor, in a roll-up, what nobody reaches", () => {
    const packs = [
      { id: "kept", objectCount: 5, stays: true, isCruft: false },
      { id: "cruft", objectCount: 5, stays: false, isCruft: true },
      { id: "a", objectCount: 5, stays: false, isCruft: false },
      { id: "b", objectCount: 5, stays: false, isCruft: false },
      { id: "large", objectCount: 500, stays: false, isCruft: false },
    ];
    expect(planMaintenance({ packs, looseCount: 0, full: false })).toEqual({
      kind: "roll-up",
      packs: ["a", "b"],
    });
    expect(planMaintenance({ packs, looseCount: 0, full: true }).packs).toEqual(["a", "b", "cruft", "large"]);
    expect(planMaintenance({ packs: packs.slice(0, 1), looseCount: 0, full: true }).kind).toBe("none");
  });

  it("ends in a progression, whatever there was", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 12 }),
        fc.nat(300),
        (counts, looseCount) => {
          const { kind, packs } = plan(counts, looseCount);
          const joined = new Set(packs);
          const left = packsOf(counts).filter(({ id }) => !joined.has(id));
          const sum = packsOf(counts)
            .filter(({ id }) => joined.has(id))
            .reduce((total, { objectCount }) => total + objectCount, looseCount);
          const after = [...left.map(({ objectCount }) => objectCount), ...(kind === "none" ? [] : [sum])];
          after.sort((a, b) => a - b);
          for (let i = 1; i < after.length; i++) expect(after[i]!).toBeGreaterThanOrEqual(2 * after[i - 1]!);
          if (kind === "none") expect(looseCount).toBe(0);
        },
      ),
      { seed, numRuns: 500 },
    );
  });
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { sortByOffset, sortByOid } from "./sort.ts";

/** Ids of which many share their first bytes, as an attacker may choose them. */
function manyOids(count: number, spread: number): Uint8Array {
  const oids = new Uint8Array(count * 20);
  let state = 7;
  for (let i = 0; i < oids.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    oids[i] = i % 20 < 2 ? (state >>> 24) % spread : state >>> 24;
  }
  return oids;
}

it.each([
  [0, 256],
  [1, 256],
  [100, 256],
  [5000, 256],
  [5000, 2],
])("orders %d ids, first bytes out of %d values", (count, spread) => {
  const oids = manyOids(count, spread);
  const order = sortByOid(oids, count, 20);
  const hex = (i: number) => Buffer.from(oids.subarray(i * 20, i * 20 + 20)).toString("hex");
  const all = Array.from({ length: count }, (_, i) => hex(i)).sort();
  expect(Array.from(order, hex)).toEqual(all);
});

it("orders offsets", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.maxSafeNat(), { maxLength: 60 }), fc.boolean(), (offsets, large) => {
      // Large sets take another way.
      const all = large
        ? [...offsets, ...Array.from({ length: 1100 }, (_, i) => (i * 7919) % 1103)]
        : offsets;
      const order = sortByOffset(Float64Array.from(all));
      const sorted = Array.from(order, (i) => all[i]!);
      expect(sorted).toEqual(all.toSorted((a, b) => a - b));
      expect(new Set(order).size).toBe(all.length);
    }),
  );
});

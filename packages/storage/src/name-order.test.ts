import fc from "fast-check";
import { expect, test } from "vitest";
import { compareNames, lowerBound } from "./name-order.ts";

const name = fc.string({ unit: "binary", maxLength: 6 });

test("names are ordered as their UTF-8 bytes are", () => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      expect(Math.sign(compareNames(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { numRuns: 2000 },
  );
});

test("lowerBound finds the first name that is not before", () => {
  fc.assert(
    fc.property(fc.array(name), name, (names, wanted) => {
      const sorted = names.sort(compareNames);
      const expected = sorted.findIndex((candidate) => compareNames(candidate, wanted) >= 0);
      expect(lowerBound(sorted, wanted)).toBe(expected < 0 ? sorted.length : expected);
    }),
  );
});

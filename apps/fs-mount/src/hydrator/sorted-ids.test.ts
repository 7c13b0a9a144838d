import fc from "fast-check";
import { expect, test } from "vitest";
import { SortedIds, sortIds } from "./sorted-ids.ts";

/** Few beginnings, so that many ids share theirs. */
const digits = (length: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom("0000", "00ff", "a000", "ffff"), fc.bigInt(0n, 3n), fc.bigInt(0n, 3n))
    .map(([lead, a, b]) => lead + a.toString(16) + b.toString(16).padStart(length - 5, "0"));

test.each([
  ["sha1", 40],
  ["sha256", 64],
] as const)("ids of %s are sorted, each once, and found", (format, length) => {
  fc.assert(
    fc.property(fc.array(digits(length), { maxLength: 50 }), digits(length), (oids, other) => {
      const sorted = new SortedIds(format, sortIds(format, oids));
      const wanted = [...new Set(oids)].sort();
      expect(Array.from({ length: sorted.length }, (_, place) => sorted.at(place))).toEqual(wanted);
      expect(sorted.find(other)).toBe(wanted.indexOf(other));
      const start = other.slice(0, 2);
      expect(sorted.from(start)).toBe(wanted.filter((oid) => oid < start).length);
    }),
  );
});

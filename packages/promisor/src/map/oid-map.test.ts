import fc from "fast-check";
import { expect, it } from "vitest";
import { emptyOidMap, type OidMap } from "./oid-map.ts";

/** Few ids, many of which begin alike. */
const oid = fc
  .tuple(fc.constantFrom("00000000", "00000001", "80000000", "ffffffff", "12345678"), fc.nat(20))
  .map(([head, n]) => head + String(n).padStart(32, "0"));
const step = fc.oneof(
  fc.record({ put: fc.array(fc.tuple(oid, fc.nat()), { maxLength: 12 }) }),
  fc.record({ drop: fc.array(oid, { maxLength: 12 }) }),
);

it("is a map, and every version of it stays as it was", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const versions: [OidMap<number>, Map<string, number>][] = [[emptyOidMap(), new Map()]];
      for (const each of steps) {
        const [map, model] = versions.at(-1)!;
        const next = new Map(model);
        if ("put" in each) for (const [id, value] of each.put) next.set(id, value);
        else for (const id of each.drop) next.delete(id);
        versions.push(["put" in each ? map.with(each.put) : map.without(each.drop), next]);
      }
      for (const [map, model] of versions) {
        expect(map.size).toBe(model.size);
        expect(new Map(map)).toEqual(model);
        for (const [id, value] of model) expect(map.get(id)).toBe(value);
        expect(map.get("0".repeat(40))).toBe(model.get("0".repeat(40)));
      }
    }),
    { numRuns: 1000 },
  );
});

it("is the same where nothing changes", () => {
  const map = emptyOidMap<number>().with([["a".repeat(40), 1]]);
  expect(map.without(["b".repeat(40)])).toBe(map);
  expect(map.with([])).toBe(map);
});

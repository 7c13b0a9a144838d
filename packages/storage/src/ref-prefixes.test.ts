import fc from "fast-check";
import { expect, test } from "vitest";
import { refRanges } from "./ref-prefixes.ts";

test("absent means all; prefixes of refs/ mean all; what lies elsewhere means nothing", () => {
  expect(refRanges(undefined)).toEqual(["refs/"]);
  expect(refRanges([])).toEqual([]);
  expect(refRanges(["", "refs/heads/"])).toEqual(["refs/"]);
  expect(refRanges(["HEAD", "refs/tags/", "refs/heads/a", "refs/heads/ab"])).toEqual([
    "refs/heads/a",
    "refs/tags/",
  ]);
});

test("each ref that starts with a prefix is in just one range", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 4 });
  fc.assert(
    fc.property(fc.array(part), part, (tails, tail) => {
      const prefixes = tails.map((text) => `refs/${text}`);
      const name = `refs/${tail}`;
      const hits = refRanges(prefixes).filter((range) => name.startsWith(range)).length;
      expect(hits).toBe(prefixes.some((prefix) => name.startsWith(prefix)) ? 1 : 0);
    }),
  );
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { findEnough } from "./find-enough.ts";

it("finds the first that makes enough, with few questions", async () => {
  const names = (count: number, prefix: string): string[] =>
    Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  await fc.assert(
    fc.asyncProperty(fc.nat(40), fc.nat(1000), fc.nat(1200), async (known, found, needed) => {
      let questions = 0;
      const answer = await findEnough(names(known, "k"), names(found, "f"), async (common) => {
        questions++;
        expect(common.length).toBeGreaterThan(0);
        return common.length >= needed;
      });
      const total = known + found;
      const least = Math.max(needed - known, known === 0 ? 1 : 0);
      expect(answer).toBe(total === 0 || total < needed ? undefined : least);
      expect(questions).toBeLessThan(13);
    }),
  );
});

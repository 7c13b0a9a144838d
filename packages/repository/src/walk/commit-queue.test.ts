import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CommitQueue } from "./commit-queue.ts";

describe("CommitQueue", () => {
  it("gives the newest first, and equals in the order of their arrival", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
        const queue = new CommitQueue();
        for (const [number, time] of times.entries()) queue.push(number, time);
        const expected = times
          .map((time, number) => ({ time, number }))
          .toSorted((a, b) => b.time - a.time || a.number - b.number)
          .map(({ number }) => number);
        const drained: number[] = [];
        for (let number = queue.pop(); number !== undefined; number = queue.pop()) drained.push(number);
        expect(drained).toEqual(expected);
        expect(queue.length).toBe(0);
      }),
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPackProgress, createPercentMeter, createReceiveProgress } from "./progress.ts";

const meterLines = (total: number, startAt: 0 | 1, reports: readonly number[]): string[] => {
  const lines: string[] = [];
  const meter = createPercentMeter("Counting objects", total, startAt, (text) => lines.push(text));
  for (const report of reports) meter(report);
  return lines;
};

describe("createPercentMeter", () => {
  it("shows every percent once, and the end", () => {
    expect(meterLines(3, 1, [1, 2, 3])).toEqual([
      "Counting objects:  33% (1/3)\r",
      "Counting objects:  66% (2/3)\r",
      "Counting objects: 100% (3/3)\r",
      "Counting objects: 100% (3/3), done.\n",
    ]);
  });

  it("picks the counts that git picks", () => {
    const lines = meterLines(127, 0, [127]);
    expect(lines.slice(0, 5)).toEqual([
      "Counting objects:   0% (0/127)\r",
      "Counting objects:   1% (2/127)\r",
      "Counting objects:   2% (3/127)\r",
      "Counting objects:   3% (4/127)\r",
      "Counting objects:   4% (6/127)\r",
    ]);
    expect(lines).toHaveLength(102);
  });

  it("shows the same however often it is told", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.constantFrom(0 as const, 1 as const),
        fc.array(fc.nat(5000)),
        (total, startAt, reports) => {
          const steps = reports.filter((each) => each < total).sort((a, b) => a - b);
          expect(meterLines(total, startAt, [...steps, total])).toEqual(meterLines(total, startAt, [total]));
        },
      ),
    );
  });

  it("says each count as one that counts by one would", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (total) => {
        const expected: string[] = [];
        let last = -1;
        for (let count = 1; count <= total; count++) {
          const percent = Math.floor((count * 100) / total);
          if (percent !== last)
            expected.push(`Counting objects: ${String(percent).padStart(3)}% (${count}/${total})\r`);
          last = percent;
        }
        expect(meterLines(total, 1, [total]).slice(0, -1)).toEqual(expected);
      }),
    );
  });
});

describe("createPackProgress", () => {
  it("keeps the totals for the end", () => {
    const lines: string[] = [];
    const progress = createPackProgress((text) => lines.push(text));
    progress.report({ phase: "enumerating", objects: 2, done: false });
    progress.report({ phase: "enumerating", objects: 4, done: true });
    progress.report({ phase: "total", objects: 4, deltas: 1, reused: 3, reusedDeltas: 0 });
    expect(lines).toEqual(["Enumerating objects: 4, done.\n"]);
    progress.finish();
    expect(lines.at(-1)).toBe("Total 4 (delta 1), reused 3 (delta 0), pack-reused 0\n");
  });
});

describe("createReceiveProgress", () => {
  it("speaks of deltas only, and not of none", () => {
    const lines: string[] = [];
    const report = createReceiveProgress((text) => lines.push(text));
    report({ phase: "receiving", objects: 1, total: 2, bytes: 3 });
    report({ phase: "resolving", deltas: 0, total: 0 });
    report({ phase: "checking", objects: 7 });
    expect(lines).toEqual([]);
    report({ phase: "resolving", deltas: 1, total: 1 });
    expect(lines).toEqual([
      "Resolving deltas:   0% (0/1)\r",
      "Resolving deltas: 100% (1/1)\r",
      "Resolving deltas: 100% (1/1), done.\n",
    ]);
  });
});

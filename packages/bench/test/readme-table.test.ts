import { describe, expect, it } from "vitest";
import { indexPackNote, indexPackVariants } from "../src/millrace.ts";
import { markdownTable } from "../src/report/readme-table.ts";
import type { Result } from "../src/run-contest.ts";

const measured = { case: "index-pack", contest: "2 threads", figure: "wall", unit: "s", runs: 3 } as const;

describe("the table of the project's README", () => {
  it("tells what our figures include, and how far both spread", () => {
    const results: Result[] = [
      { ...measured, subject: "git", note: "no fsck", median: 4, min: 3.5, max: 5 },
      ...indexPackVariants(2).map(({ name, settings }, i) => ({
        ...measured,
        subject: name,
        note: indexPackNote(settings),
        median: 2 + i,
        min: 1.25,
        max: 6,
        ratio: (2 + i) / 4,
        bound: { ratio: 0.6 },
        holds: i === 0,
      })),
      {
        ...measured,
        contest: "alone",
        subject: "millrace",
        median: 1,
        min: 1,
        max: 1,
        bound: { value: 2 },
        holds: true,
      },
      { ...measured, contest: "unbound", subject: "millrace", median: 1, min: 1, max: 1 },
    ];
    expect(markdownTable(results).split("\n")).toEqual([
      "| what | Millrace does | git (min–max) | Millrace (min–max) | of git's | bound |",
      "| --- | --- | --- | --- | --- | --- |",
      "| index-pack, 2 threads: time | no fsck, no graph | 4.00 s (3.50–5.00) | 2.00 s (1.25–6.00) | 0.500 | ≤ 0.6 |",
      "| index-pack, 2 threads, no detection: time | no fsck, no graph, no collision detection | 4.00 s (3.50–5.00) | 3.00 s (1.25–6.00) | 0.750 | ≤ 0.6, missed |",
      "| index-pack, 2 threads, fsck and graph: time | fsck, graph | 4.00 s (3.50–5.00) | 4.00 s (1.25–6.00) | 1.00 | ≤ 0.6, missed |",
      "| index-pack, alone: time |  | – | 1.00 s (1.00–1.00) | – | ≤ 2 s |",
    ]);
  });
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { LinePicker } from "./lines.ts";

const seed = Number(process.env["MILLRACE_SEED"] ?? 5);

it("lines are the same, in whatever pieces a text comes", () => {
  const range = fc.record({ from: fc.integer({ min: 1, max: 12 }), to: fc.integer({ min: 1, max: 14 }) });
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("\n", "a", "ü", "\r\n", "line"), { maxLength: 40 }),
      fc.array(range, { maxLength: 4 }),
      fc.integer({ min: 1, max: 7 }),
      (words, ranges, size) => {
        const text = words.join("");
        const lines = text.split("\n");
        if (lines.at(-1) === "") lines.pop();
        const expected = lines
          .map((line, i) => ({ line: i + 1, text: line }))
          .filter(({ line }) => ranges.some(({ from, to }) => from <= line && line <= to));
        const picker = new LinePicker(ranges);
        const found: unknown[] = [];
        const bytes = Buffer.from(text);
        const piece = Buffer.alloc(size);
        for (let at = 0; at < bytes.length && !picker.isDone; at += size) {
          // One buffer for all pieces, as readers of files have it.
          const length = bytes.copy(piece, 0, at, at + size);
          found.push(...picker.push(piece.subarray(0, length)));
        }
        expect([...found, ...picker.end()]).toEqual(expected);
      },
    ),
    { seed, numRuns: 300 },
  );
});

import { figures } from "../figures.ts";
import type { Result } from "../run-contest.ts";
import { boundText, numberText, ratioText } from "./texts.ts";

const HEAD = ["", "", "median", "min – max", "of git's", "bound", ""];

/** Everything that was measured, a block for each contest. */
export function textTable(results: readonly Result[]): string {
  const rows: string[][] = [];
  const titles = new Map<number, string>();
  let last = "";
  for (const result of results) {
    const title = `${result.case}, ${result.contest}`;
    if (title !== last) titles.set(rows.length, title);
    last = title;
    rows.push([
      result.subject,
      figures[result.figure].label,
      `${numberText(result.median)} ${result.unit}`,
      `${numberText(result.min)} – ${numberText(result.max)}`,
      ratioText(result.ratio),
      boundText(result),
      result.holds === undefined ? "" : result.holds ? "holds" : "MISSED",
    ]);
  }
  const widths = HEAD.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < 2 || column > 5 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  const lines = [line(HEAD)];
  for (const [i, row] of rows.entries()) {
    const title = titles.get(i);
    if (title !== undefined) lines.push("", title);
    lines.push(line(row));
  }
  const notes = new Set(
    results.flatMap(({ case: name, subject, note }) =>
      note === undefined ? [] : `${name}, ${subject}: ${note}`,
    ),
  );
  return [...lines, "", ...notes].join("\n");
}

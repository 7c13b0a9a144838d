import { columns, holds, type Row } from "./row.ts";

/** All rows as a table in Markdown; a figure that is held to something has its bound behind it. */
export function markdownTable(rows: readonly Row[]): string {
  const head = ["what", "how", ...columns.map(([, title]) => title), ""];
  const lines = [head, head.map(() => "---"), ...rows.map(cellsOf)];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function cellsOf(row: Row): string[] {
  const figures = columns.map(([figure]) => {
    const value = row[figure];
    if (value === undefined) return "";
    const limit = row.bound?.[figure];
    const text = written(figure, value);
    return limit === undefined ? text : `${text} (≤ ${written(figure, limit)})`;
  });
  const verdict = holds(row);
  return [row.case, row.variant, ...figures, verdict === false ? "MISSED" : ""];
}

function written(figure: (typeof columns)[number][0], value: number): string {
  if (figure === "peakMebibytes") return `${Math.round(value)} MiB`;
  if (figure === "requests" || figure === "chain") return String(value);
  return `${Number(value.toPrecision(2))} s`;
}

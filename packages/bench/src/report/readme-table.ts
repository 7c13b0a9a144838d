import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { figures } from "../figures.ts";
import type { Result } from "../run-contest.ts";
import { boundText, numberText, ratioText } from "./texts.ts";

const START = "<!-- bench: made by pnpm bench --readme -->";
const END = "<!-- bench: end -->";
const README = fileURLToPath(new URL("../../../README.md", import.meta.url));

/** Puts the figures that are held to something between the two markers in the project's README. */
export async function writeReadmeTable(results: readonly Result[], where: string): Promise<void> {
  const text = await readFile(README, "utf8");
  await writeFile(README, withTable(text, markdownTable(results), where));
}

/** A text with this table between its markers. Throws where they are not both there. */
export function withTable(text: string, table: string, where: string): string {
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error("README.md lacks the markers that the table goes between");
  return `${text.slice(0, start + START.length)}\n${where}.\n\n${table}\n${text.slice(end)}`;
}

/** What has a bound: what it includes, and medians beside git's, with the least and the most of all runs. */
export function markdownTable(results: readonly Result[]): string {
  const rows = results
    .filter(({ bound }) => bound !== undefined)
    .map((result) => {
      const reference = results.find(
        (other) =>
          other.subject === "git" &&
          other.case === result.case &&
          other.contest === result.contest &&
          other.figure === result.figure,
      );
      return [
        `${result.case}, ${result.contest}${variantOf(result.subject)}: ${figures[result.figure].label}`,
        result.note ?? "",
        reference === undefined ? "–" : spreadText(reference),
        spreadText(result),
        ratioText(result.ratio) || "–",
        `${boundText(result)}${result.holds === true ? "" : ", missed"}`,
      ];
    });
  const head = ["what", "Millrace does", "git (min–max)", "Millrace (min–max)", "of git's", "bound"];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function spreadText({ median, min, max, unit }: Result): string {
  return `${numberText(median)} ${unit} (${numberText(min)}–${numberText(max)})`;
}

function variantOf(subject: string): string {
  return subject.replace(/^millrace/, "");
}

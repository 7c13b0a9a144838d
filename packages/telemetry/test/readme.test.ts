import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readmeTable, withCurrentTable } from "./readme-table.ts";

const file = new URL("../README.md", import.meta.url);

it("shows the registry as it is", () => {
  if (process.env["UPDATE_README"] === "1") writeFileSync(file, withCurrentTable(readFileSync(file, "utf8")));
  expect(
    withoutPadding(readFileSync(file, "utf8")).includes(withoutPadding(readmeTable())),
    "README.md has an old table: run UPDATE_README=1 pnpm exec vitest run --project telemetry",
  ).toBe(true);
});

/** The formatter pads the cells of a table. */
function withoutPadding(markdown: string): string {
  return markdown.replaceAll(/-{3,}/g, "---").replaceAll(/ *\| */g, "|");
}

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const FROM = { "": "../", "test/mount": "mount/", scenarios: "../../../packages/scenarios/test/" };
const DOCUMENT = new URL("../../../docs/mount-behaviours.md", import.meta.url);

/** Where a test is that the document names: beside the mounts, in a folder that is said, or among the scenarios. */
function placeOf(name: string, isScenario: boolean): URL {
  if (isScenario) return new URL(FROM.scenarios + name, import.meta.url);
  if (name.startsWith("packages/")) return new URL(`../../../${name}`, import.meta.url);
  return new URL((name.includes("/") ? FROM[""] : FROM["test/mount"]) + name, import.meta.url);
}

test("each test that the table of behaviours names is there, by its title where one is said", () => {
  const rows = readFileSync(DOCUMENT, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (?:behaviour|commands) \|/.test(line));
  expect(rows.length).toBeGreaterThan(90);
  const missing: string[] = [];
  for (const row of rows) {
    const shown = row.split(" | ").at(-1)!.replace(/ \|$/, "");
    if (/^not (?:shown|so) yet/.test(shown)) continue;
    let text = "";
    for (const part of shown.split("; ")) {
      const [, scenario, name, title = name === undefined ? part : ""] =
        /^(scenarios )?`([^`]+\.test\.ts)`(?:: (.+))?$/.exec(part) ?? [];
      if (name !== undefined) {
        const place = placeOf(name, scenario !== undefined);
        text = existsSync(fileURLToPath(place)) ? readFileSync(place, "utf8") : "";
      }
      if (text === "" || !text.includes(title)) missing.push(`${part} of: ${row}`);
    }
  }
  expect(missing).toEqual([]);
});

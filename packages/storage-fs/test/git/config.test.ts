import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createConfigReader } from "../../src/config/read-config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { openFsRepository } from "../../src/index.ts";
import { git, tryGit } from "./git.ts";
import { inScratch, withSnapshot } from "./scratch.ts";

/** What git makes of a file; `undefined` where it refuses it. */
function gitConfig(root: string, path: string): string[] | undefined {
  const { status, stdout } = tryGit(root, ["config", "--file", path, "--includes", "--list", "--null"]);
  if (status !== 0) return undefined;
  const entries = stdout.split("\0").slice(0, -1);
  return entries.map((entry) => (entry.includes("\n") ? entry : `${entry}\ntrue`));
}

test("parseConfig agrees with git config", () =>
  inScratch(async (root) => {
    const word = fc.constantFrom("a", "Bc", "d-e", "1", "x.y");
    // No tab inside a value: gits before 2.45 make a blank of it.
    const value = fc
      .array(
        fc.constantFrom("a", " ", "  ", '"', "\\", "\\n", "\\t", '\\"', "\\\\", "#", ";", "\\\n", "b=c", "é"),
        { maxLength: 6 },
      )
      .map((pieces) => pieces.join(""));
    const subsection = fc
      .array(fc.constantFrom("S", " ", "\\\\", '\\"', ".", "é"), { maxLength: 3 })
      .map((pieces) => pieces.join(""));
    const line = fc.oneof(
      fc
        .tuple(word, fc.option(subsection))
        .map(([name, sub]) => (sub === null ? `[${name}]` : `[${name} "${sub}"]`)),
      fc.tuple(word, value).map(([key, text]) => `  ${key} = ${text}`),
      word,
      fc.constantFrom("# comment", "", "; other"),
    );
    const path = join(root, "config");
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
        const text = `[first]\n${lines.join("\n")}\n`;
        await writeFile(path, text);
        let ours: string[] | undefined;
        try {
          ours = parseConfig(text).map((entry) => `${entry.key}\n${entry.value}`);
        } catch {
          ours = undefined;
        }
        expect(ours, JSON.stringify(text)).toEqual(gitConfig(root, path));
      }),
      { numRuns: 300 },
    );
  }));

test("included files are read where they are named, and again when they change", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "--bare", "."]);
    const store = await openFsRepository(root);
    const path = join(root, "config");
    await writeFile(path, "[a]\nx = 1\n[include]\npath = more\npath = missing\n[a]\nx = 3\n");
    await writeFile(
      join(root, "more"),
      '[a]\nx = 2\n[http "https://Example.org"]\nextraHeader = yes\n[include]\npath = more\n',
    );
    const config = await createConfigReader().read(path);
    expect(config.get("a.x")).toEqual(["1", ...Array.from({ length: 10 }, () => "2"), "3"]);
    await writeFile(join(root, "more"), '[a]\nx = 4\n[http "https://Example.org"]\nextraHeader = yes\n');
    await withSnapshot(store, async (view) => {
      const values = await view.config();
      expect(values.get("a.x")).toEqual(["1", "4", "3"]);
      expect(values.get("http.https://Example.org.extraheader")).toEqual(["yes"]);
    });
    expect(gitConfig(root, path)?.filter((entry) => entry.startsWith("a.x"))).toEqual([
      "a.x\n1",
      "a.x\n4",
      "a.x\n3",
    ]);
  }));

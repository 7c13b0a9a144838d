import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { ConePath, createCone } from "../../src/materialize/cone.ts";
import { initRepository, writeFiles } from "../support/filtered-repository.ts";
import { Lab } from "../support/lab.ts";
import { git } from "../support/repository.ts";

const lab = new Lab();
afterAll(() => lab.end());

/** Names of which one is the beginning of another, that sort otherwise with a slash behind them, with blanks, or that are not ASCII. */
const NAMES = ["a", "a.b", "a-b", "b c", "\u00fc", "ab"];
const folder = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((names) => names.join("/"));

test("a cone has the patterns and the files that git gives it", () => {
  const origin = lab.keep(initRepository());
  const files: Record<string, string> = { root: "root\n" };
  for (const one of NAMES)
    for (const two of NAMES) {
      files[`${one}/${two}/file`] = `${one} ${two}\n`;
      files[`${one}/file`] = `${one}\n`;
      for (const three of NAMES.slice(0, 3)) files[`${one}/${two}/${three}/file`] = `${three}\n`;
    }
  writeFiles(origin, files);
  git(origin, ["add", "."]);
  git(origin, ["commit", "-q", "-m", "many folders"]);
  const all = git(origin, ["-c", "core.quotepath=false", "ls-files"]).split("\n");
  fc.assert(
    fc.property(fc.array(folder, { maxLength: 5 }), (folders) => {
      git(origin, ["sparse-checkout", "set", "--cone", ...folders]);
      const cone = createCone(folders);
      expect(cone.patterns.toString()).toBe(readFileSync(`${origin}/.git/info/sparse-checkout`, "utf8"));
      const has = all.filter((path) => cone.has(Buffer.from(path).toString("latin1")));
      const said = git(origin, ["-c", "core.quotepath=false", "ls-files", "-t"]).split("\n");
      expect(has).toEqual(said.filter((line) => line.startsWith("H ")).map((line) => line.slice(2)));
      for (const path of has) {
        for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
          expect(cone.reaches(Buffer.from(path.slice(0, at)).toString("latin1"))).toBe(true);
      }
    }),
    { numRuns: 40 },
  );
});

test("directories are read as git reads them, and what it refuses is refused", () => {
  const origin = lab.keep(initRepository());
  writeFiles(origin, { "a/b/file": "file\n", root: "root\n" });
  git(origin, ["add", "."]);
  for (const path of ["a", "a/", "./a", "a//b", "a/../a/b", ".", "none/of/it", "a\\b/c"]) {
    git(origin, ["sparse-checkout", "set", "--cone", path]);
    const { patterns } = createCone([ConePath.parse(path)]);
    expect(patterns.toString()).toBe(readFileSync(`${origin}/.git/info/sparse-checkout`, "utf8"));
  }
  for (const path of ["/a", "../a", "a/../..", "a*", "a?", "[a]", "!a", ""]) {
    expect(ConePath.safeParse(path).success).toBe(false);
    if (path !== "") expect(() => git(origin, ["sparse-checkout", "set", "--cone", path])).toThrow();
  }
});

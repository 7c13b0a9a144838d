import { existsSync, readdirSync, readFileSync } from "node:fs";
import { runSync } from "@millrace/git-lab";
import { afterAll, describe, expect, test } from "vitest";
import { makeFilteredRepository } from "../support/filtered-repository.ts";
import { Lab, run } from "../support/lab.ts";
import { MOUNT } from "../support/program.ts";
import { git, GIT_ENVIRONMENT, makeRepository } from "../support/repository.ts";

const lab = new Lab();
afterAll(() => lab.end());

/** What `millrace-mount materialize` says and writes. */
function materialize(...args: readonly string[]): { status: number | null; out: string; err: string } {
  const said = runSync(process.execPath, [...MOUNT, "materialize", ...args], {
    cwd: "/",
    env: GIT_ENVIRONMENT,
  });
  return { status: said.status, out: said.stdout.toString(), err: said.stderr.toString() };
}

/** What `git clone --sparse` and `git sparse-checkout set` make. */
function cloneSparse(origin: string, directories: readonly string[]): string {
  const clone = `${lab.folder()}/clone`;
  git("/", ["clone", "-q", "--filter=blob:none", "--sparse", `file://${origin}`, clone]);
  git(clone, ["sparse-checkout", "set", ...directories]);
  return clone;
}

/** Ids of objects that a git directory does not have. */
const missing = (directory: string): string[] =>
  git(directory, ["rev-list", "--objects", "--missing=print", "--no-object-names", "HEAD"])
    .split("\n")
    .filter((line) => line.startsWith("?"))
    .sort();

const SETTINGS = ["core.sparsecheckout", "core.sparsecheckoutcone", "extensions.worktreeconfig"];

async function expectSame(directory: string, clone: string): Promise<void> {
  await run("diff", ["-r", "--no-dereference", "-x", ".git", clone, directory]);
  for (const asked of [
    ["ls-files", "-t"],
    ["ls-files", "--stage"],
    ["status", "--porcelain"],
  ]) {
    expect(git(directory, asked)).toBe(git(clone, asked));
  }
  expect(git(directory, ["status", "--porcelain"])).toBe("");
}

describe.each([
  ["sha1", makeRepository, ["src/part-1"]],
  ["sha256", makeRepository, ["src/part-1", "names"]],
  ["sha1", makeFilteredRepository, ["src/deep/er", "other"]],
  ["sha256", makeFilteredRepository, ["src", "src/deep/er", "none/of/it"]],
  ["sha1", makeRepository, ["."]],
] as const)("materialize --path of %s (%o, %j)", (format, make, directories) => {
  test("is the sparse checkout that git makes, which takes more and all", async () => {
    const origin = lab.keep(make(format));
    const clone = cloneSparse(origin, directories);
    const directory = `${lab.folder()}/new/folder`;
    const paths = directories.flatMap((each) => ["--path", each]);
    const said = materialize(`${origin}@main`, directory, ...paths);
    const written = git(clone, ["ls-files", "-t"])
      .split("\n")
      .filter((line) => line.startsWith("H"));
    const short = git(origin, ["rev-parse", "HEAD"]).slice(0, 9);
    expect(said).toEqual({
      status: 0,
      out: `${origin}@main (${short}): ${written.length} files in ${directory}\n`,
      err: "",
    });
    for (const file of ["info/sparse-checkout", "config.worktree"]) {
      expect(readFileSync(`${directory}/.git/${file}`, "utf8")).toBe(
        readFileSync(`${clone}/.git/${file}`, "utf8"),
      );
    }
    for (const key of SETTINGS)
      expect(git(directory, ["config", "--show-scope", key])).toBe(
        git(clone, ["config", "--show-scope", key]),
      );
    // What git has not fetched is not here either.
    expect(missing(directory)).toEqual(missing(clone));
    expect(missing(directory)).not.toEqual([]);
    expect(git(directory, ["diff-files", "--raw"])).toBe("");
    await expectSame(directory, clone);
    expect(git(directory, ["sparse-checkout", "list"])).toBe(git(clone, ["sparse-checkout", "list"]));
    for (const change of [["add", make === makeRepository ? "src/part-2" : "doc"], ["disable"]]) {
      for (const each of [directory, clone]) git(each, ["sparse-checkout", ...change]);
      await expectSame(directory, clone);
    }
    expect(git(directory, ["ls-files", "-t"])).not.toContain("S ");
    git(directory, ["fsck", "--strict"]);
  });
});

test("all files without a path; only this commit with --no-history", async () => {
  const origin = lab.keep(makeRepository());
  const clone = `${lab.folder()}/clone`;
  git("/", ["clone", "-q", origin, clone]);
  const directory = `${lab.folder()}/all`;
  expect(materialize(origin, directory, "--no-history").status).toBe(0);
  await run("diff", ["-r", "--no-dereference", "-x", ".git", clone, directory]);
  expect(git(directory, ["rev-list", "--count", "HEAD"])).toBe("1");
  expect(git(directory, ["status", "--porcelain"])).toBe("");
  expect(existsSync(`${directory}/.git/config.worktree`)).toBe(false);
});

test("what is no directory of a repository is refused, and the same folder can be written to with another one", () => {
  const origin = lab.keep(makeRepository());
  const directory = lab.folder();
  for (const [path, words] of [
    ["/src", "no leading slash"],
    ["../src", "outside of the repository"],
    ["src*", "no pattern"],
    ["README.md", "README.md is a file, and no directory"],
  ] as const) {
    const { status, err } = materialize(origin, directory, "--path", path);
    expect(status).toBe(1);
    expect(err).toContain(words);
    expect(readdirSync(directory)).toEqual([]);
  }
  expect(materialize(origin, directory, "--path", "src/part-0").status).toBe(0);
  expect(materialize(origin, directory, "--path", "src/part-0").err).toContain("is not empty");
});

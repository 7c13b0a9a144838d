import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { git } from "@millrace/git-lab";
import { inScratch } from "../test/git/scratch.ts";
import { listBranches } from "./serve-a-directory.ts";

test("the example runs, on a directory that git works in too", () =>
  inScratch(async (root) => {
    expect(await listBranches(root)).toEqual(["team/project.git: HEAD is refs/heads/main"]);
    const directory = join(root, "team", "project.git");
    const tree = git(directory, ["mktree"]).trim();
    const commit = git(directory, ["commit-tree", "-m", "one", tree]).trim();
    git(directory, ["update-ref", "refs/heads/main", commit]);
    expect(await listBranches(root)).toEqual([
      "team/project.git: HEAD is refs/heads/main",
      `team/project.git: refs/heads/main ${commit}`,
    ]);
  }));

test("the README shows the example as it is", async () => {
  const [readme, source] = await Promise.all(
    ["../README.md", "./serve-a-directory.ts"].map((path) =>
      readFile(new URL(path, import.meta.url), "utf8"),
    ),
  );
  expect(readme).toContain(source);
});

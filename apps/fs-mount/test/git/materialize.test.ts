import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { materialize } from "../../src/materialize/materialize.ts";
import { openPlace } from "../../src/place.ts";
import { Lab, run } from "../support/lab.ts";
import { makeFilteredRepository } from "../support/filtered-repository.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = new Lab();
afterAll(() => lab.end());

describe.each([
  ["sha1", makeRepository],
  ["sha256", makeRepository],
  ["sha1", makeFilteredRepository],
] as const)("plain files of %s (%o)", (format, make) => {
  test("are a working tree that git calls clean without reading it", async () => {
    const origin = lab.keep(make(format));
    const clone = `${lab.folder()}/clone`;
    git("/", ["clone", "-q", origin, clone]);
    const directory = `${lab.folder()}/new/folder`;
    await using place = await openPlace(origin, process.env);
    const seen: number[] = [];
    const { commit, files } = await materialize({
      place,
      name: "HEAD",
      directory,
      onProgress: (done) => seen.push(done),
    });
    expect(commit).toBe(git(origin, ["rev-parse", "HEAD"]));
    expect(seen.at(-1)).toBe(files);
    await run("diff", ["-r", "--no-dereference", "-x", ".git", clone, directory]);
    // Plumbing that does not refresh the index: what is told to be the same is so by its stat data.
    expect(git(directory, ["diff-files", "--raw"])).toBe("");
    expect(git(directory, ["status", "--porcelain=v2", "--branch"])).toBe(
      git(clone, ["status", "--porcelain=v2", "--branch"]),
    );
    expect(git(directory, ["log", "--oneline"])).toBe(git(clone, ["log", "--oneline"]));
    git(directory, ["fsck", "--full", "--strict"]);
    // It is a repository like any other from here on: what is missing comes when git needs it.
    git(directory, ["checkout", "-q", make === makeRepository ? "HEAD~2" : "HEAD"]);
    git(directory, ["checkout", "-q", "main"]);
    expect(git(directory, ["status", "--porcelain"])).toBe("");
    expect(readdirSync(`${directory}/.git`)).not.toContain("shallow");
  });
});

test("nothing is written over", async () => {
  const origin = lab.keep(makeRepository());
  const directory = lab.folder();
  writeFileSync(`${directory}/mine`, "mine");
  await using place = await openPlace(origin, process.env);
  await expect(materialize({ place, name: "HEAD", directory })).rejects.toMatchObject({
    code: "MOUNT_BAD_STATE",
  });
  expect(readdirSync(directory)).toEqual(["mine"]);
});

test("a tree with names that lead elsewhere is not written", async () => {
  const origin = lab.keep(makeRepository());
  const blob = git(origin, ["hash-object", "-w", "--stdin"], "evil\n");
  const raw = Buffer.concat([Buffer.from("100644 ..\0"), Buffer.from(blob, "hex")]);
  const dots = git(origin, ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], raw);
  const root = git(origin, ["mktree"], `040000 tree ${dots}\tbad\n100644 blob ${blob}\tgood\n`);
  git(origin, ["update-ref", "refs/heads/hostile", git(origin, ["commit-tree", root, "-m", "hostile"])]);
  await using place = await openPlace(origin, process.env);
  const directory = lab.folder();
  mkdirSync(`${directory}/below`);
  await expect(
    materialize({ place, name: "hostile", directory: `${directory}/below`, withHistory: false }),
  ).rejects.toMatchObject({ code: "MOUNT_BAD_TREE" });
  expect(readdirSync(directory)).toEqual(["below"]);
  expect(readdirSync(`${directory}/below`)).toEqual([".git"]);
  rmSync(directory, { recursive: true });
});

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type GitServer, startServer } from "@millrace/server";
import { openFsStorage } from "@millrace/storage-fs";
import { git, tryGit } from "../src/git.ts";
import { findNewerGit } from "../src/newer-git.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const newer = findNewerGit();

/** Pushes, in order, and what a client of git's own receive-pack gets told. */
const PUSHES: readonly (readonly [what: string, ...args: string[]])[] = [
  ["a first branch and tags", "main", "v1", "light"],
  ["nothing new", "main"],
  ["a fast-forward", "next:main"],
  ["what is none", "main:main"],
  ["what is none, by force", "+main:main"],
  ["a branch", "main:refs/heads/topic"],
  ["a branch below it", "main:refs/heads/topic/x"],
  ["its deletion and one below it", ":refs/heads/topic", "main:refs/heads/topic/x"],
  ["one above that", "main:refs/heads/topic"],
  ["two at once, one refused", "next:refs/heads/fresh", ":main"],
  ["two at once or none, one refused", "--atomic", "next:refs/heads/fresher", ":main"],
  ["two at once or none", "--atomic", "next:refs/heads/fresher", "+side:refs/heads/fresh"],
  ["a symbolic ref", "next:refs/heads/alias"],
  ["the deletion of a tag", ":refs/tags/light"],
  ["the deletion of what is not there", ":refs/heads/nowhere"],
  ["the deletion of the current branch", ":main"],
  ["a name that is none", "main:refs/heads/bad..name"],
  ["a hundred tags", ...Array.from({ length: 100 }, (_, i) => `main:refs/tags/t/${i}`)],
  [
    "deletions and moves in one",
    ...Array.from({ length: 50 }, (_, i) => `:refs/tags/t/${i}`),
    "v1:refs/tags/w",
  ],
];

describe("a repository with ref tables", () => {
  let scratch: Scratch;
  let server: GitServer;
  let local: WorkTree;
  const ours = (): string => join(scratch.path, "served/ours.git");
  const theirs = (): string => join(scratch.path, "theirs.git");
  const url = (): string => `http://127.0.0.1:${server.address.port}/ours.git`;

  beforeAll(async () => {
    if (newer.missing !== undefined) return;
    scratch = await createScratch();
    const storage = openFsStorage({ root: join(scratch.path, "served") });
    server = await startServer(storage, { host: "127.0.0.1", port: 0 }, { version: "test" });
    for (const directory of [ours(), theirs()]) {
      newer.run("/", ["init", "-q", "--bare", "--ref-format=reftable", "--initial-branch=main", directory]);
      newer.run(directory, ["symbolic-ref", "refs/heads/alias", "refs/heads/aliased"]);
    }
    local = await openWorkTree(join(scratch.path, "local"), {}, "sha1");
    await local.commit("first", { a: "one\n" });
    await local.git("tag", "-a", "-m", "one", "v1");
    await local.git("tag", "light");
    for (const branch of ["side", "next"]) {
      await local.git("checkout", "--quiet", "-B", branch, "main");
      await local.commit(branch, { a: `${branch}\n` });
    }
  });

  afterAll(async () => {
    if (newer.missing !== undefined) return;
    await server.close(0);
    await scratch[Symbol.asyncDispose]();
  });

  /** What git says of both, names of the repositories left out, and what git only says of refs in files. */
  async function pushBoth(args: readonly string[]): Promise<string[]> {
    const program = `--receive-pack=${newer.program("git-receive-pack")}`;
    const said: string[] = [];
    for (const to of [[url()], [program, `file://${theirs()}`]]) {
      const options = args.filter((arg) => arg.startsWith("--"));
      const { status, stderr, stdout } = await local.tryGit(
        "push",
        "--porcelain",
        ...options,
        ...to,
        ...args.filter((arg) => !arg.startsWith("--")),
      );
      const text = `${stdout}${stderr}`
        .replaceAll(/http:\S+|file:\S+/g, "REMOTE")
        .replaceAll(/'REMOTE'?/g, "REMOTE")
        .replaceAll(/cannot lock ref '\S+': (?='\S+' exists)/g, "");
      said.push(`${status}\n${text}`);
    }
    return said;
  }

  it("answers pushes and ends up as with git's own receive-pack, and passes git's checks", async (ctx) => {
    if (newer.missing !== undefined) ctx.skip(newer.missing);
    for (const [what, ...args] of PUSHES) {
      const [mine, gits] = await pushBoth(args);
      expect(mine, what).toBe(gits);
      const refs = [ours(), theirs()].map((at) => newer.run(at, ["for-each-ref"]));
      expect(refs[0], what).toBe(refs[1]);
    }
    newer.run(ours(), ["refs", "verify"]);
    expect(newer.run(ours(), ["fsck", "--strict", "--no-dangling"])).toBe("");
    const left = (await readdir(ours(), { recursive: true })).filter((path) => /\.lock$|incoming/.test(path));
    expect(left).toEqual([]);
  });

  it("is cloned, listed and fetched from as with git's own upload-pack", async (ctx) => {
    if (newer.missing !== undefined) ctx.skip(newer.missing);
    const program = `--upload-pack=${newer.program("git-upload-pack")}`;
    for (const version of ["0", "2"]) {
      const list = async (...to: string[]): Promise<string> =>
        git(["-c", `protocol.version=${version}`, "ls-remote", "--symref", ...to]);
      expect(await list(url())).toBe(await list(program, `file://${theirs()}`));
      expect(await list(url(), "refs/tags/*")).toBe(await list(program, `file://${theirs()}`, "refs/tags/*"));
    }
    const copy = join(scratch.path, "copy");
    await git(["clone", "--quiet", "--mirror", url(), copy]);
    expect(await git(["for-each-ref"], { cwd: copy })).toBe(newer.run(ours(), ["for-each-ref"]).trimEnd());
    newer.run(ours(), ["pack-refs", "--all"]);
    newer.run(ours(), ["update-ref", "refs/heads/made-by-git", "refs/heads/main"]);
    await local.git("push", "--quiet", url(), "side:refs/heads/made-by-us");
    await git(["fetch", "--quiet", "origin"], { cwd: copy });
    expect(await git(["for-each-ref"], { cwd: copy })).toBe(newer.run(ours(), ["for-each-ref"]).trimEnd());
    expect((await tryGit(["fsck", "--strict"], { cwd: copy })).status).toBe(0);
  });
});

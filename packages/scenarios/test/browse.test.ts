import { join } from "node:path";
import { createBucket, demandServer, environmentOf } from "@millrace/s3-lab";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Endpoint, defaultEndpoint } from "../src/endpoints.ts";
import { runMillraceWith } from "../src/run-millrace.ts";
import type { ProgramResult } from "../src/run-program.ts";
import { startServing } from "../src/server-process.ts";
import { git } from "../src/git.ts";
import { createHistory } from "../src/history.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import type { WorkTree } from "../src/work-tree.ts";

/** The command in a process of its own. */
const millrace = (...args: string[]): Promise<ProgramResult> => runMillraceWith({}, ...args);

/** What a command prints, where it ends well. */
async function printed(...args: string[]): Promise<string> {
  return printedWith({}, ...args);
}

async function printedWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runMillraceWith(env, ...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.trimEnd();
}

/** The commands that look into a repository without cloning it, as a user runs them. */
describe("looking into a repository somewhere else", () => {
  let endpoint: Endpoint;
  let scratch: Scratch;
  let local: WorkTree;
  let url: string;

  beforeAll(async () => {
    endpoint = await defaultEndpoint.open();
    scratch = await createScratch();
    local = await createHistory(join(scratch.path, "local"), "sha1");
    url = endpoint.url("history.git");
    await git(["push", "--quiet", "--mirror", url], { cwd: local.path });
  });
  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  it("prints files, of any branch and tag, over HTTP and from a directory", async () => {
    expect(await printed("cat", url, "README")).toBe(await git(["show", "main:README"], { cwd: local.path }));
    expect(await printed("cat", `${url}@v1`, "README")).toBe(
      await git(["show", "v1:README"], { cwd: local.path }),
    );
    expect(await printed("cat", `${local.path}@main`, "README")).toBe(
      await git(["show", "main:README"], { cwd: local.path }),
    );
  });

  it("lists folders as ls-tree does", async () => {
    const names = await git(["ls-tree", "-r", "--name-only", "main"], { cwd: local.path });
    expect((await printed("ls", "-r", url)).split("\n").toSorted()).toEqual(names.split("\n").toSorted());
    expect(await printed("ls", url, "src")).toBe("deep/\nmain.ts");
    const long = (await printed("ls", "-l", "-r", url)).split("\n").map((line) => line.replace(/ +/g, " "));
    const theirs = await git(
      ["ls-tree", "-r", "--format=%(objectmode) %(objectname) %(objectsize) %(path)", "main"],
      {
        cwd: local.path,
      },
    );
    expect(long.toSorted()).toEqual(theirs.split("\n").toSorted());
  });

  it("searches as git grep does, with the lines around hits", async () => {
    for (const [pattern = "", ...args] of [
      ["docs"],
      ["DOCS", "-i"],
      ["page"],
      ["*.ts", "-C", "1"],
      ["!", "-C", "3"],
      ["main", "-C", "2"],
    ]) {
      const theirs = await git(["grep", "-n", "-I", "-F", ...args, "-e", pattern, "main"], {
        cwd: local.path,
      });
      const ours = await printed("grep", ...args, url, pattern);
      const lines = (text: string): string[] =>
        text
          .split("\n")
          .filter((line) => line !== "--")
          .toSorted();
      expect(lines(ours)).toEqual(lines(theirs.replaceAll(/^main:/gm, "").replaceAll(/^main-/gm, "")));
    }
    expect((await millrace("grep", url, "nowhere to be found")).status).toBe(1);
  });

  it("lists commits as log does", async () => {
    const theirs = await git(
      ["log", "-5", "--date=format-local:%Y-%m-%d", "--format=%H %ad %an: %s", "main"],
      {
        cwd: local.path,
      },
    );
    const shortened = theirs.replaceAll(/^([0-9a-f]{10})[0-9a-f]*/gm, "$1");
    expect(await printed("log", "-n", "5", url)).toBe(shortened);
    const ofPath = await git(
      ["log", "--date=format-local:%Y-%m-%d", "--format=%H %ad %an: %s", "main", "--", "README"],
      { cwd: local.path },
    );
    expect(await printed("log", "-n", "99", url, "README")).toBe(
      ofPath.replaceAll(/^([0-9a-f]{10})[0-9a-f]*/gm, "$1"),
    );
  });

  it("lists a commit of an impossible date", async () => {
    const tree = await git(["rev-parse", "main^{tree}"], { cwd: local.path });
    const text = `tree ${tree}\nauthor A <a@b> 99999999999999 +0000\ncommitter A <a@b> 1 +0000\n\nlate\n`;
    const odd = join(scratch.path, "odd-date.git");
    await git(["clone", "-q", "--bare", local.path, odd]);
    const oid = await git(["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], {
      cwd: odd,
      input: text,
    });
    await git(["update-ref", "refs/heads/main", oid], { cwd: odd });
    expect(await printed("log", odd)).toBe(`${oid.slice(0, 10)} ????-??-?? A: late`);
  });

  it("adds up sizes", async () => {
    const lines = (await printed("du", url)).split("\n");
    const sizes = await git(["ls-tree", "-r", "--format=%(objectsize)", "main"], { cwd: local.path });
    const total = sizes.split("\n").reduce((sum, size) => sum + Number(size), 0);
    expect(lines.at(-1)).toBe(`${total}\t.`);
  });

  it("tells what is wrong, with git's exit status", async () => {
    for (const args of [
      ["cat", url, "absent"],
      ["cat", `${url}@absent`, "README"],
      ["cat", endpoint.url("absent.git"), "README"],
      ["ls", join(scratch.path, "absent")],
      ["grep", "-E", url, "("],
    ]) {
      const { status, stdout, stderr } = await millrace(...args);
      expect({ status, stdout }).toEqual({ status: 128, stdout: "" });
      expect(stderr).toMatch(/^fatal: [^\n]+\n$/);
    }
  });
});

it("looks into a repository in a bucket, with no server in between", async (ctx) => {
  const endpoint = await demandServer("store", ctx);
  await using scratch = await createScratch();
  const local = await createHistory(join(scratch.path, "local"), "sha1");
  const { name: bucket } = await createBucket(endpoint);
  const env = { AWS_ENDPOINT_URL_S3: endpoint.url, ...environmentOf(endpoint) };
  const server = await startServing(["--store", `s3://${bucket}/a/git`, "--endpoint", endpoint.url], env);
  try {
    await git(["push", "--quiet", "--mirror", `${server.url}/team/history.git`], { cwd: local.path });
  } finally {
    await server[Symbol.asyncDispose]();
  }
  const address = `s3://${bucket}/a/git/team/history.git`;
  expect(await printedWith(env, "cat", `${address}@v1`, "README")).toBe(
    await git(["show", "v1:README"], { cwd: local.path }),
  );
  const names = await git(["ls-tree", "-r", "--name-only", "main"], { cwd: local.path });
  expect((await printedWith(env, "ls", "-r", address)).split("\n").toSorted()).toEqual(
    names.split("\n").toSorted(),
  );
  const hits = await git(["grep", "-n", "-I", "-F", "-e", "page", "main"], { cwd: local.path });
  expect((await printedWith(env, "grep", address, "page")).split("\n").toSorted()).toEqual(
    hits
      .replaceAll(/^main:/gm, "")
      .split("\n")
      .toSorted(),
  );
  expect((await printedWith(env, "log", "-n", "3", address)).split("\n").length).toBe(3);
  expect((await printedWith(env, "du", address)).split("\n").at(-1)).toMatch(/^\d+\t\.$/);
  const absent = await runMillraceWith(env, "ls", `s3://${bucket}/a/git/team/absent.git`);
  expect(absent).toMatchObject({ status: 128, stdout: "" });
  expect(absent.stderr).toMatch(/^fatal: there is no repository at [^\n]+\n$/);
});

import { chmod, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { createBucket, demandServer, environmentOf, type Skippable } from "@millrace/s3-lab";
import { openS3Storage } from "@millrace/storage-s3";
import { beforeEach, describe, expect, it } from "vitest";
import { allEndpointKinds, httpMemory } from "../src/endpoints.ts";
import { git, gitEnvironment } from "../src/git.ts";
import { startGitHttpBackend } from "../src/git-http-backend.ts";
import { createHistory } from "../src/history.ts";
import {
  helperProgram,
  type MountProcess,
  mountAddress,
  mountCli,
  whyNoMount,
} from "../src/mount-process.ts";
import { runProgram } from "../src/run-program.ts";
import { createScratch, type Scratch } from "../src/scratch.ts";
import { startServing } from "../src/server-process.ts";
import { openWorkTree, type WorkTree } from "../src/work-tree.ts";

const missing = whyNoMount();
beforeEach((context) => {
  if (missing !== undefined) context.skip(missing);
});

/** A mount is the work tree that its repository was pushed from, and git inside says the same. */
async function expectSame(mount: MountProcess, local: WorkTree): Promise<void> {
  await mount.run("diff", "-r", "--exclude=.git", local.path, ".");
  expect(await mount.run("git", "status", "--porcelain")).toBe("");
  for (const asked of [
    ["ls-files", "--stage"],
    ["rev-parse", "HEAD"],
    ["log", "--format=%H %s"],
  ]) {
    expect(await mount.run("git", ...asked)).toBe(await local.git(...asked));
  }
}

/** Where a mount has seen the branch of its remote repository last. */
const UPSTREAM = "refs/millrace/upstream/heads/main";
const WITH_HISTORY = ["--wait-history"];
const LOOKS_OFTEN = [...WITH_HISTORY, "--refresh", "200ms"];

/** Has a mount follow a branch that moves, and that is moved by force; what git works with there stays as it is. */
async function expectRefreshed(
  mount: MountProcess,
  local: WorkTree,
  push: (...options: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const others = async (): Promise<readonly string[]> => [
    await mount.run("git", "for-each-ref", "refs/heads", "refs/remotes", "refs/tags"),
    await mount.run("git", "rev-parse", "HEAD"),
    await mount.run("git", "status", "--porcelain"),
    await mount.run("ls", "-R", "--ignore=.git"),
  ];
  const before = await others();
  const seen = { timeout: 30_000, interval: 100 };
  const next = await local.commit("next", { README: "next\n" });
  await push();
  await expect.poll(() => mount.run("git", "rev-parse", UPSTREAM), seen).toBe(next);
  await local.git("reset", "--quiet", "--hard", "HEAD~2");
  const forced = await local.commit("forced", { README: "forced\n", "of-theirs": "theirs\n" });
  await push("--force");
  await expect.poll(() => mount.run("git", "rev-parse", UPSTREAM), seen).toBe(forced);
  expect(await others()).toEqual(before);
  await mount.run("git", "fsck", "--connectivity-only", "--no-dangling");
  expect(await mount.run("git", "rev-list", "--left-right", "--count", `HEAD...${UPSTREAM}`)).toBe("1\t1");
}

describe.each(allEndpointKinds.filter((kind) => kind !== httpMemory))("a mount over $name", (kind) => {
  it("is told where its branch has got to, and is there without the server", async () => {
    const absent = await kind.missing?.();
    if (absent !== undefined) throw new Error(absent);
    const endpoint = await kind.open();
    let isOpen = true;
    await using scratch = await createScratch();
    const local = await createHistory(join(scratch.path, "local"), "sha1");
    const url = endpoint.url("history.git");
    const push = (...options: readonly string[]): Promise<string> =>
      git(["push", "--quiet", ...options, url, "main"], { cwd: local.path, env: endpoint.env });
    try {
      await endpoint.prepare("history.git");
      await push();
      await using mount = await mountAddress(`${url}@main`, scratch, endpoint.env, LOOKS_OFTEN);
      await mount.run("sh", "-c", "cat $(git ls-files) > read; rm read");
      await expectRefreshed(mount, local, push);
      expect(await mount.stop()).toBe(0);
      isOpen = false;
      await endpoint[Symbol.asyncDispose]();
      await using again = await mountAddress(`${url}@main`, scratch, endpoint.env, LOOKS_OFTEN);
      expect(await again.run("git", "status", "--porcelain")).toBe("");
      await again.run(
        "sh",
        "-ec",
        "cat $(git ls-files) > read; rm read; git log --oneline; git rev-parse main",
      );
      expect(await again.stop()).toBe(0);
    } finally {
      if (isOpen) await endpoint[Symbol.asyncDispose]();
    }
  });

  it.each(["sha1", "sha256"] as const)("shows what a clone has, of %s", async (format) => {
    const absent = await kind.missing?.();
    if (absent !== undefined) throw new Error(absent);
    await using endpoint = await kind.open();
    await using scratch = await createScratch();
    const local = await createHistory(join(scratch.path, "local"), format);
    await endpoint.prepare("history.git", format);
    const url = endpoint.url("history.git");
    await git(["push", "--quiet", "--mirror", url], { cwd: local.path, env: endpoint.env });
    await using mount = await mountAddress(`${url}@main`, scratch, endpoint.env, WITH_HISTORY);
    expect(mount.line).toContain("history.git@main");
    await expectSame(mount, local);
    expect(await mount.run("git", "fetch", "--prune")).toBe("");
    await mount.run(
      "sh",
      "-ec",
      "echo more >> README; mkdir new; echo new > new/file; git mv docs old; git add -A",
    );
    await mount.run("git", "commit", "--quiet", "--message", "made in the mount");
    expect(await mount.run("git", "status", "--porcelain")).toBe("");
    await mount.run("git", "push", "--quiet", "origin", "main");
    const clone = join(scratch.path, "clone");
    await git(["clone", "--quiet", url, clone], { env: endpoint.env });
    await mount.run("diff", "-r", "--exclude=.git", clone, ".");
    await git(["fsck", "--strict", "--no-dangling"], { cwd: clone });
    expect(await mount.stop()).toBe(0);
  });
});

it("mounts what git's own HTTP service serves", async () => {
  await using scratch = await createScratch();
  const local = await createHistory(join(scratch.path, "local"), "sha1");
  await git(["clone", "--quiet", "--bare", local.path, join(scratch.path, "history.git")]);
  await using backend = await startGitHttpBackend(scratch.path);
  await using mount = await mountAddress(`${backend.url}/history.git`, scratch, {}, WITH_HISTORY);
  await expectSame(mount, local);
});

it("mounts a repository in a bucket, with no server in between, and without the bucket what is here", async (ctx) => {
  const store = await demandServer("store", ctx);
  await using scratch = await createScratch();
  const local = await createHistory(join(scratch.path, "local"), "sha1");
  const { name: bucket } = await createBucket(store);
  const env = { AWS_ENDPOINT_URL_S3: store.url, ...environmentOf(store) };
  const server = await startServing(["--store", `s3://${bucket}/a`, "--endpoint", store.url], env);
  const address = `s3://${bucket}/a/history.git@main`;
  try {
    const push = (...options: readonly string[]): Promise<string> =>
      git(["push", "--quiet", ...options, `${server.url}/history.git`], { cwd: local.path });
    await push("--mirror");
    await using mount = await mountAddress(address, scratch, env, LOOKS_OFTEN);
    await expectSame(mount, local);
    await expectRefreshed(mount, local, (...options) => push(...options, "--all"));
    expect(await mount.stop()).toBe(0);
  } finally {
    await server[Symbol.asyncDispose]();
  }
  const away = { ...env, AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" };
  await using again = await mountAddress(address, scratch, away);
  expect(await again.run("git", "status", "--porcelain")).toBe("");
  await again.run(
    "sh",
    "-ec",
    "cat $(git ls-files) > read; rm read; git log --oneline; git fsck --connectivity-only",
  );
  expect(await again.stop()).toBe(0);
});

const layouts = [
  { objectFormat: "sha1", layout: "manifest" },
  { objectFormat: "sha256", layout: "bare" },
] as const;

/** A history in a bucket with no server in between, and somebody else who pushes there: from a machine that has git's helper. */
interface BucketScene {
  readonly address: string;
  /** What the AWS tools read, and a folder for caches. */
  readonly env: Readonly<Record<string, string>>;
  readonly other: WorkTree;
}

async function createBucketScene(
  scratch: Scratch,
  context: Skippable,
  { objectFormat, layout }: (typeof layouts)[number],
): Promise<BucketScene> {
  const store = await demandServer("store", context);
  const { name: bucket } = await createBucket(store);
  const env = {
    AWS_ENDPOINT_URL_S3: store.url,
    XDG_CACHE_HOME: join(scratch.path, "caches"),
    ...environmentOf(store),
  };
  const { url: endpoint, region, ...credentials } = store;
  const place = { bucket, prefix: "team", layout, endpoint, region, credentials };
  await using storage = await openS3Storage({ ...place, spoolFolder: join(scratch.path, "spool") });
  await (await storage.create("history.git", { head: "refs/heads/main", objectFormat }))[
    Symbol.asyncDispose
  ]();
  // As `npm install --global` puts it on the PATH.
  const programs = join(scratch.path, "programs");
  await mkdir(programs);
  await chmod(helperProgram, 0o755);
  await symlink(helperProgram, join(programs, "git-remote-millrace"));
  const { path } = await createHistory(join(scratch.path, "other"), objectFormat);
  const other = await openWorkTree(path, {
    ...env,
    PATH: `${programs}:${process.env.PATH}`,
    NODE_NO_WARNINGS: "0",
  });
  const address = `s3://${bucket}/team/history.git${layout === "bare" ? "?layout=bare" : ""}`;
  await other.git("remote", "add", "origin", `millrace::${address}`);
  await other.git("push", "--quiet", "--mirror", "origin");
  return { address, env, other };
}

describe.each(layouts)("git in a mount of a bucket, of $objectFormat in the layout $layout", (kind) => {
  it("shows files that nobody has read, pushes, and pulls what somebody else has pushed", async (context) => {
    await using scratch = await createScratch();
    const { address, env, other } = await createBucketScene(scratch, context, kind);
    await using mount = await mountAddress(`${address}@main`, scratch, env, WITH_HISTORY);
    // Where the bucket is, the git directory says; keys are the user's.
    const inside = (...args: readonly string[]): Promise<string> =>
      mount.run("env", "-u", "AWS_ENDPOINT_URL_S3", "-u", "AWS_REGION", "git", ...args);
    expect(await inside("remote", "get-url", "origin")).toBe(address);
    for (const asked of [
      ["show", "HEAD:big.bin"],
      ["show", "HEAD~3:src/main.ts"],
      ["log", "-p", "-3", "--stat"],
      ["ls-remote", "origin"],
    ]) {
      expect(await inside(...asked)).toBe(await other.git(...asked));
    }
    await mount.run("sh", "-ec", "echo mine > mine; git add mine; git commit --quiet -m mine");
    await inside("push", "--quiet", "origin", "HEAD:main", "HEAD:refs/heads/new");
    await other.git("pull", "--quiet", "origin", "main");
    expect(await other.git("log", "-1", "--format=%s")).toBe("mine");
    const theirs = await other.commit("theirs", { README: "theirs\n", theirs: "theirs\n" });
    await other.git("push", "--quiet", "origin", "main");
    expect(await inside("pull", "--ff-only", "origin", "main")).toContain("2 files changed");
    expect(await inside("rev-parse", "HEAD", "origin/main")).toBe(`${theirs}\n${theirs}`);
    expect(await inside("status", "--porcelain")).toBe("");
    await mount.run("diff", "-r", "--exclude=.git", other.path, ".");
    await inside("fsck", "--connectivity-only", "--no-dangling");
    await other.commit("first", { README: "first\n" });
    await other.git("push", "--quiet", "origin", "main");
    await inside("commit", "--quiet", "--allow-empty", "-m", "late");
    await expect(inside("push", "origin", "HEAD:main")).rejects.toThrow("[rejected]");
    expect(await mount.stop()).toBe(0);
  });

  it("is a clone by git's helper that a mount is brought, and gives back", async (context) => {
    await using scratch = await createScratch();
    const { address, env, other } = await createBucketScene(scratch, context, kind);
    const clone = join(scratch.path, "clone.git");
    await other.git("clone", "--quiet", "--bare", "--filter=blob:none", `millrace::${address}`, clone);
    const settings = await other.git("-C", clone, "config", "--list");
    await using mount = await mountAddress(`${address}@main`, scratch, env, ["--prepared-gitdir", clone]);
    await expectSame(mount, other);
    const theirs = await other.commit("theirs", { README: "theirs\n" });
    await other.git("push", "--quiet", "origin", "main");
    await mount.run("git", "pull", "--quiet", "--ff-only", "origin", "main");
    expect(await mount.run("git", "show", "-s", "--format=%H", "HEAD")).toBe(theirs);
    expect(await mount.stop()).toBe(0);
    expect(await other.git("-C", clone, "config", "--list")).toBe(settings);
  });

  it("has files written out as plain ones, and git fetches the rest", async (context) => {
    await using scratch = await createScratch();
    const { address, env, other } = await createBucketScene(scratch, context, kind);
    const directory = join(scratch.path, "plain");
    const args = [mountCli, "materialize", "--path", "src/deep", `${address}@main`, directory];
    await runProgram(process.execPath, args, { env: { ...gitEnvironment, ...env } });
    const plain = await openWorkTree(directory, env);
    expect(await plain.git("ls-files", "-t", "docs", "src")).toMatch(/^(?:S docs\/.*\n)+(?:H src\/.*\n?)+$/);
    expect(await plain.git("status", "--porcelain")).toBe("");
    await plain.git("sparse-checkout", "disable");
    const said = await runProgram("diff", ["-r", "--exclude=.git", other.path, directory]);
    expect(said).toMatchObject({ status: 0, stdout: "" });
  });

  it("has what older versions of the protocol ask for, and says what is not there", async (context) => {
    await using scratch = await createScratch();
    const { address, other } = await createBucketScene(scratch, context, kind);
    const clone = join(scratch.path, "clone");
    await other.git(
      "-c",
      "protocol.version=0",
      "clone",
      "--quiet",
      "--depth=3",
      `millrace::${address}`,
      clone,
    );
    await other.git("-C", clone, "fsck", "--strict");
    expect(await other.git("-C", clone, "rev-parse", "HEAD")).toBe(await other.git("rev-parse", "HEAD"));
    // git's user reads nothing but git's words.
    expect(await other.tryGit("ls-remote", "--quiet", "origin")).toMatchObject({ status: 0, stderr: "" });
    const absent = "fatal: couldn't find remote ref absent\n";
    expect(await other.tryGit("fetch", "--quiet", "origin", "absent")).toMatchObject({ stderr: absent });
    const same = "Everything up-to-date\n";
    expect(await other.tryGit("push", "origin", "main")).toMatchObject({ status: 0, stderr: same });
    const gone = address.replace("history", "none");
    await expect(other.git("ls-remote", `millrace::${gone}`)).rejects.toThrow(
      `git-remote-millrace: there is no repository at ${gone}`,
    );
    await expect(other.git("ls-remote", "millrace::/tmp")).rejects.toThrow("/tmp is no s3://bucket");
  });
});

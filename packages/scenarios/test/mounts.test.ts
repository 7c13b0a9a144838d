import { join } from "node:path";
import { createBucket, demandServer, environmentOf } from "@millrace/s3-lab";
import { beforeEach, describe, expect, it } from "vitest";
import { allEndpointKinds, httpMemory } from "../src/endpoints.ts";
import { git } from "../src/git.ts";
import { startGitHttpBackend } from "../src/git-http-backend.ts";
import { createHistory } from "../src/history.ts";
import { type MountProcess, mountAddress, whyNoMount } from "../src/mount-process.ts";
import { createScratch } from "../src/scratch.ts";
import { startServing } from "../src/server-process.ts";
import type { WorkTree } from "../src/work-tree.ts";

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

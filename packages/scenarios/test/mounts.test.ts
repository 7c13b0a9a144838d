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

describe.each(allEndpointKinds.filter((kind) => kind !== httpMemory))("a mount over $name", (kind) => {
  it.each(["sha1", "sha256"] as const)("shows what a clone has, of %s", async (format) => {
    const absent = await kind.missing?.();
    if (absent !== undefined) throw new Error(absent);
    await using endpoint = await kind.open();
    await using scratch = await createScratch();
    const local = await createHistory(join(scratch.path, "local"), format);
    await endpoint.prepare("history.git", format);
    const url = endpoint.url("history.git");
    await git(["push", "--quiet", "--mirror", url], { cwd: local.path, env: endpoint.env });
    await using mount = await mountAddress(`${url}@main`, scratch, endpoint.env);
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
  await using mount = await mountAddress(`${backend.url}/history.git`, scratch);
  await expectSame(mount, local);
});

it("mounts a repository in a bucket, with no server in between", async (ctx) => {
  const store = await demandServer("store", ctx);
  await using scratch = await createScratch();
  const local = await createHistory(join(scratch.path, "local"), "sha1");
  const { name: bucket } = await createBucket(store);
  const env = { AWS_ENDPOINT_URL_S3: store.url, ...environmentOf(store) };
  const server = await startServing(["--store", `s3://${bucket}/a`, "--endpoint", store.url], env);
  try {
    await git(["push", "--quiet", "--mirror", `${server.url}/history.git`], { cwd: local.path });
  } finally {
    await server[Symbol.asyncDispose]();
  }
  await using mount = await mountAddress(`s3://${bucket}/a/history.git@main`, scratch, env);
  await expectSame(mount, local);
});

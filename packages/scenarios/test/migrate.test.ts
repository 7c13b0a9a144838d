import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  createBucket,
  demandServer,
  type FaultProxy,
  openFaultProxy,
  type TestBucket,
} from "@millrace/s3-lab";
import { afterEach, beforeEach, expect, it } from "vitest";
import { copyOut } from "../src/copy-bucket.ts";
import { git, tryGit } from "../src/git.ts";
import { runMillrace } from "../src/run-millrace.ts";
import type { ProgramResult } from "../src/run-program.ts";
import { createScratch, type Scratch } from "../src/scratch.ts";
import { openWorkTree } from "../src/work-tree.ts";

let scratch: Scratch;
let bucket: TestBucket;
let proxy: FaultProxy;

beforeEach(async (ctx) => {
  const endpoint = await demandServer("store", ctx);
  scratch = await createScratch();
  bucket = await createBucket(endpoint);
  proxy = await openFaultProxy(endpoint.url);
});

afterEach(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await scratch?.[Symbol.asyncDispose]();
});

const migrate = (from: string, to: string, ...flags: string[]): Promise<ProgramResult> =>
  runMillrace(bucket.endpoint, "migrate", from, to, "--endpoint", proxy.url, ...flags);

/** A folder with repositories of several kinds, and their names. */
async function makeRepositories(): Promise<{ folder: string; names: readonly string[] }> {
  const folder = join(scratch.path, "from");
  for (const format of ["sha1", "sha256"] as const) {
    const local = await openWorkTree(join(scratch.path, `local-${format}`), {}, format);
    await local.commit("first", { "a.txt": "one\n", "b.bin": randomBytes(200_000).toString("base64") });
    await local.git("tag", "--annotate", "--message", "one", "v1");
    const made = join(folder, "team", `${format}.git`);
    await git(["init", "--quiet", "--bare", `--object-format=${format}`, "--initial-branch=main", made]);
    await local.git("push", "--quiet", made, "main", "v1", "main:refs/notes/x");
    await git(["repack", "--quiet", "-ad"], { cwd: made });
    await git(["pack-refs", "--all"], { cwd: made });
    await local.commit("second", { "a.txt": "two\n" });
    await local.git("push", "--quiet", made, "main", "main:deep/er");
    await git(["symbolic-ref", "refs/heads/alias", "refs/heads/main"], { cwd: made });
    await git(["config", "--add", "transfer.hideRefs", "refs/notes"], { cwd: made });
  }
  const source = `file://${join(folder, "team/sha1.git")}`;
  await git(["clone", "--quiet", "--bare", "--depth=1", source, join(folder, "shallow.git")]);
  await git(["config", "--remove-section", "remote.origin"], { cwd: join(folder, "shallow.git") });
  await git(["init", "--quiet", "--bare", "--initial-branch=trunk", join(folder, "empty.git")]);
  return { folder, names: ["empty.git", "shallow.git", "team/sha1.git", "team/sha256.git"] };
}

/** What git tells of a repository: HEAD, refs, all objects, shallow roots. */
async function tell(path: string): Promise<unknown> {
  const { status, stderr } = await tryGit(["fsck", "--strict", "--no-dangling"], { cwd: path });
  return {
    fsck: [status, stderr.replace(/^notice:.*\n|^Checking.*\n/gm, "")],
    head: await git(["symbolic-ref", "HEAD"], { cwd: path }),
    refs: await git(["for-each-ref", "--format=%(refname) %(objectname) %(symref)"], { cwd: path }),
    objects: await git(["cat-file", "--batch-all-objects", "--batch-check"], { cwd: path }),
    hidden: (await tryGit(["config", "--get-all", "transfer.hideRefs"], { cwd: path })).stdout,
  };
}

it("copies a folder into a bucket, on to the other layout and back: the same refs, settings and objects", async () => {
  const { folder, names } = await makeRepositories();
  const manifest = `s3://${bucket.name}/m`;
  const bare = `s3://${bucket.name}/b?layout=bare`;
  const back = join(scratch.path, "back");
  const dry = await migrate(folder, manifest, "--dry-run");
  expect([dry.status, dry.stderr]).toEqual([0, ""]);
  expect(dry.stdout.match(/would copy/g)?.length).toBe(names.length);
  expect(await bucket.keys()).toEqual([]);
  for (const [from, to] of [
    [folder, manifest],
    [manifest, bare],
    [bare, back],
  ] as const) {
    const done = await migrate(from, to);
    expect([done.status, done.stderr]).toEqual([0, ""]);
    expect(done.stdout.match(/^(\S+): copied and compared/gm)?.length).toBe(names.length);
    const again = await migrate(from, to);
    expect([again.status, again.stdout.match(/is there already/g)?.length]).toEqual([0, names.length]);
  }
  await copyOut(bucket, "b", join(scratch.path, "copy"));
  for (const name of names) {
    expect(await tell(join(back, name)), name).toEqual(await tell(join(folder, name)));
    if (name === "empty.git") continue;
    expect(await tell(join(scratch.path, "copy", name)), name).toEqual(await tell(join(folder, name)));
  }
});

it("shows nothing of a repository before all of it is there, goes on where it was cut off, and leaves what is another", async () => {
  const { folder } = await makeRepositories();
  const one = ["--repository", "team/sha1.git"];
  for (const to of [`s3://${bucket.name}/m`, `s3://${bucket.name}/b?layout=bare&claimTimeoutMs=300`]) {
    // What makes it visible is refused: the manifest, the second version of HEAD.
    let heads = 0;
    proxy.plan = ({ method, path }) =>
      method === "PUT" && (/\/repos\//.test(path) || (/\/HEAD/.test(path) && ++heads > 1))
        ? { kind: "status", status: 403, code: "AccessDenied" }
        : undefined;
    const cut = await migrate(folder, to, ...one);
    expect([cut.status, cut.stdout]).toEqual([1, ""]);
    expect(cut.stderr).toMatch(/error: team\/sha1\.git: .*(refuses access|denied)/);
    proxy.plan = undefined;
    const look = await migrate(to, join(scratch.path, "nothing"));
    expect([look.status, look.stdout]).toEqual([0, ""]);
    const done = await migrate(folder, to, ...one);
    expect([done.status, done.stderr]).toEqual([0, ""]);
    expect(done.stdout).toContain("copied and compared: 5 refs");
  }
  await git(["update-ref", "refs/heads/main", "refs/heads/main~1"], { cwd: join(folder, "team/sha1.git") });
  const other = await migrate(folder, `s3://${bucket.name}/m`, ...one);
  expect(other.status).toBe(1);
  expect(other.stderr).toContain("the target has another team/sha1.git: refs");
  await git(["checkout", "--quiet", "--detach"], { cwd: join(scratch.path, "local-sha1") });
  const detached = await migrate(scratch.path, join(scratch.path, "to"), "--repository", "local-sha1");
  expect(detached.stderr).toContain("its HEAD names no branch");
  expect((await readdir(scratch.path)).includes("to")).toBe(false);
});

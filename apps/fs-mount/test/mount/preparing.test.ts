import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DaemonLab } from "../support/daemon-lab.ts";
import { GitHttp } from "../support/git-http.ts";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
let daemon: DaemonLab;
let origin: string;
let server: GitHttp;
let url: string;
beforeEach(async () => {
  daemon = new DaemonLab(lab);
  origin = lab.keep(makeRepository());
  server = new GitHttp(dirname(origin));
  await server.start();
  url = server.url(basename(origin));
});
afterEach(async () => {
  await daemon?.end();
  await server?.[Symbol.asyncDispose]();
});

const inside = async (directory: string, ...args: string[]): Promise<string> =>
  (await run("git", args, { cwd: directory })).trimEnd();

describe("a repository that is being prepared, while the server keeps it waiting,", () => {
  beforeEach(async () => {
    server.holds = (body) => body.includes("command=fetch");
    await daemon.start();
    await daemon.add("one", url);
    await server.isHolding();
  });

  test("is given up when it is removed, and what is registered in its place is what comes", async () => {
    git(origin, ["branch", "side", "main~1"]);
    {
      using client = await daemon.connect();
      await client.ask({ command: "remove", name: "one", purge: false, lazy: false });
    }
    server.release();
    const directory = await daemon.mount("one", url, { ref: "side" });
    expect(await inside(directory, "symbolic-ref", "HEAD")).toBe("refs/heads/side");
    expect(await inside(directory, "rev-parse", "HEAD")).toBe(git(origin, ["rev-parse", "side"]));
    expect(await inside(directory, "status", "--porcelain")).toBe("");
    expect(readdirSync(join(daemon.state, "mounts/one")).filter((name) => name.endsWith(".draft"))).toEqual(
      [],
    );
  });

  test("is begun anew by remount and prepare: what was under way is given up, and what comes is whole", async () => {
    const before = server.fetches.length;
    using first = await daemon.connect();
    using second = await daemon.connect();
    // It waits for its turn, until the other one ends what is under way.
    const prepared = first.ask({ command: "prepare", name: "one" });
    const mounted = second.ask({ command: "remount", name: "one", lazy: false });
    await expect.poll(() => server.fetches.length, { timeout: 20_000 }).toBeGreaterThan(before);
    expect(await daemon.status("one")).toMatchObject({ state: "preparing", commit: null, error: null });
    server.release();
    await Promise.all([prepared, mounted]);
    const ended = await daemon.until("one", ({ history }) => history === "complete");
    expect(ended).toMatchObject({
      state: "mounted",
      error: null,
      commit: git(origin, ["rev-parse", "main"]),
    });
    const directory = join(daemon.mounts, "one");
    expect(await inside(directory, "status", "--porcelain")).toBe("");
    expect(await inside(directory, "fsck", "--no-dangling", "--no-progress")).toBe("");
    const left = readdirSync(join(daemon.state, "mounts/one")).filter((name) => name.endsWith(".draft"));
    expect(left).toEqual([]);
  });

  test("keeps no daemon from its end, and is prepared by the next one", async () => {
    expect(await daemon.status("one")).toMatchObject({ state: "preparing", commit: null, lastFetch: null });
    expect(await daemon.signal("SIGTERM")).toEqual([0, null]);
    await daemon.start();
    expect(await daemon.status("one")).toMatchObject({ state: "preparing", error: null });
    server.release();
    const { commit } = await daemon.until("one", ({ state }) => state === "mounted");
    expect(commit).toBe(git(origin, ["rev-parse", "main"]));
  });
});

test("a ref of any kind is mounted, and followed where it moves", async () => {
  const [head, older] = [git(origin, ["rev-parse", "main"]), git(origin, ["rev-parse", "main~1"])];
  git(origin, ["update-ref", "refs/changes/01/1/1", older]);
  await daemon.start();
  const full = await daemon.mount("full", url, { ref: "refs/heads/main" });
  expect(await inside(full, "rev-parse", "--abbrev-ref", "HEAD", "HEAD@{upstream}")).toBe(
    "main\norigin/main",
  );
  const change = await daemon.mount("change", url, { ref: "refs/changes/01/1/1", refreshMs: 100 });
  expect(await inside(change, "rev-parse", "HEAD")).toBe(older);
  expect(await daemon.status("change")).toMatchObject({
    head: "DETACHED",
    commit: older,
    ahead: 0,
    behind: 0,
  });
  expect(await run("ls", ["-A"], { cwd: change })).toBe(".git\nREADME.md\nsrc\n");
  git(origin, ["update-ref", "refs/changes/01/1/1", head]);
  await daemon.until("change", ({ behind }) => behind === 1);
  expect(await inside(change, "rev-parse", "HEAD", "refs/millrace/upstream/changes/01/1/1")).toBe(
    `${older}\n${head}`,
  );
  const id = await daemon.mount("id", url, { ref: older });
  expect(await inside(id, "rev-parse", "--abbrev-ref", "HEAD")).toBe("HEAD");
  expect(await inside(id, "status", "--porcelain")).toBe("");
});

test("a required commit is asked for once: own commits on it stay, and no server is needed any more", async () => {
  const older = git(origin, ["rev-parse", "main~1"]);
  git(origin, ["branch", "fixed", older]);
  await daemon.start();
  const required = { ref: "fixed", requireCommit: older.toUpperCase(), depth: 1 };
  const directory = await daemon.mount("one", url, required);
  expect(await daemon.status("one")).toMatchObject({
    requiredCommit: older,
    acquisition: "verified",
    head: "DETACHED",
  });
  expect(await inside(directory, "rev-list", "--count", "HEAD")).toBe("1");
  const sh = (script: string): Promise<string> => run("sh", ["-ec", script], { cwd: directory });
  await sh("echo more >> README.md; echo staged > new; git add new");
  await daemon.until("one", ({ overlayDirty }) => overlayDirty === 2);
  await sh("git commit -qam mine; rm src/part-0/file-0.c; echo next > next; git add next");
  // What was committed is no change any more; removals are.
  await daemon.until("one", ({ overlayDirty }) => overlayDirty === 2);
  await daemon.signal("SIGTERM");
  await server.kill();
  await daemon.start();
  await daemon.until("one", ({ state }) => state === "mounted");
  expect(await sh("git log --format=%s; git status --porcelain; cat README.md new next")).toBe(
    "mine\ncommit 3\nA  next\n D src/part-0/file-0.c\nversion 3\nmore\nstaged\nnext\n",
  );
  expect(await daemon.status("one")).toMatchObject({ acquisition: "verified", error: null });
});

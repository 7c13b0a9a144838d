import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DaemonLab } from "../support/daemon-lab.ts";
import { GitHttp } from "../support/git-http.ts";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
let daemon: DaemonLab;
let server: GitHttp;
let origin: string;
beforeEach(async () => {
  daemon = new DaemonLab(lab);
  origin = lab.keep(makeRepository());
  server = new GitHttp(dirname(origin));
  await server.start();
});
afterEach(async () => {
  await daemon?.end();
  await server?.[Symbol.asyncDispose]();
});

const url = (): string => server.url(basename(origin));
const rootOf = (repository: string): string[] =>
  [".git", ...git(repository, ["ls-tree", "--name-only", "HEAD"]).split("\n")].toSorted();
const list = async (directory: string): Promise<string[]> =>
  (await run("ls", ["-A", directory])).trimEnd().split("\n");

/** Waits until somebody serves a directory: a root of ours has the number 1. */
async function answers(directory: string): Promise<void> {
  while ((await run("stat", ["-c", "%i", directory]).catch(() => "")) !== "1\n") continue;
}

/** Has the server hold the root back, and registers a repository of it. */
async function addHeld(): Promise<string> {
  server.holds = (body) => body.includes("command=fetch");
  const directory = await daemon.add("one", url());
  await server.isHolding();
  return directory;
}

test("a directory waits for its root, which is prepared anew after the daemon was killed", async () => {
  await daemon.start();
  const cwd = await addHeld();
  expect(await daemon.status("one")).toMatchObject({ state: "preparing", head: null, error: null });
  expect(await run("stat", ["-c", "%F %a %i", cwd])).toBe("directory 755 1\n");
  await run("df", [cwd]);
  let hasEnded = false;
  const reading = run("cat", [join(cwd, "README.md")]).catch(String);
  void reading.then(() => (hasEnded = true));
  await expect(run("timeout", ["-s", "INT", "1", "ls", cwd])).rejects.toThrow("status 124");
  expect(hasEnded).toBe(false);

  await daemon.signal("SIGKILL");
  expect(await reading).toMatch(/connection abort|not connected/);
  await daemon.start();
  expect(await daemon.status("one")).toMatchObject({ state: "preparing" });
  await answers(cwd);
  const again = run("cat", [join(cwd, "README.md")]);
  server.release();
  expect(await again).toBe("version 3\n");
  await daemon.until("one", ({ state, history }) => state === "mounted" && history === "complete");
  expect(await list(cwd)).toEqual(rootOf(origin));
  expect(await run("git", ["status", "--porcelain"], { cwd })).toBe("");
});

test("a root shows while the rest of its fetch is still on its way", async () => {
  // As from a server that does not tell trees by their depth: all of them come with the root.
  git(origin, ["config", "uploadpackfilter.tree.allow", "false"]);
  // Names that cannot be compressed make trees large, at the cost of one blob.
  const name = (n: number): string =>
    `${createHash("sha512").update(`${n}`).digest("hex")}-${createHash("sha512").update(`-${n}`).digest("hex").slice(64)}`;
  const files = Array.from({ length: 6000 }, (_, n) => `M 100644 :1 many/${n % 19}/${name(n)}\n`);
  const commit = "commit refs/heads/main\ncommitter A <a@example.com> 1700000001 +0000\ndata 5\nmany\n\n";
  git(
    origin,
    ["fast-import", "--quiet"],
    `blob\nmark :1\ndata 5\nsame\n\n${commit}from refs/heads/main^0\n${files.join("")}`,
  );
  server.stalls = (body) => (body.includes("filter blob:none") ? 400_000 : undefined);
  await daemon.start();
  const cwd = await daemon.add("one", url());
  await server.isHolding();
  expect(await list(cwd)).toEqual(rootOf(origin));
  expect(await daemon.status("one")).toMatchObject({ state: "preparing" });
  server.release();
  await daemon.until("one", ({ state }) => state === "mounted");
  expect(await run("cat", [`many/3/${name(3)}`], { cwd })).toBe("same\n");
});

test("a server that cannot be reached means EIO until it can be", async () => {
  const address = url();
  await server.kill();
  await daemon.start();
  const cwd = await daemon.add("one", address);
  await daemon.until("one", ({ state }) => state === "failed");
  await expect(run("ls", [cwd])).rejects.toThrow("Input/output error");
  await run("stat", [cwd]);
  await server.start();
  await daemon.until("one", ({ state }) => state === "mounted");
  expect(await list(cwd)).toEqual(rootOf(origin));
});

test("what is being prepared is prepared anew when that is asked for, though the server hangs", async () => {
  await daemon.start();
  const cwd = await addHeld();
  using client = await daemon.connect();
  // The request that the server holds stays held.
  server.holds = () => false;
  expect(await client.ask({ command: "prepare", name: "one" })).toMatchObject({
    state: "mounted",
    error: null,
  });
  expect(await list(cwd)).toEqual(rootOf(origin));
  expect(await run("git", ["status", "--porcelain"], { cwd })).toBe("");
  await client.ask({ command: "wait", name: "one", until: "history" });
  await run("git", ["fsck", "--connectivity-only"], { cwd });
});

test("what is being prepared is unmounted at once, by a command and by the daemon's end", async () => {
  await daemon.start();
  const cwd = await addHeld();
  using client = await daemon.connect();
  expect(await client.ask({ command: "unmount", name: "one", lazy: false })).toMatchObject({
    state: "unmounted",
  });
  expect(await daemon.isMounted(cwd)).toBe(false);

  // Nobody is thrown out, and what was under way goes on.
  void client.ask({ command: "remount", name: "one", lazy: false }).catch(() => undefined);
  await daemon.until("one", ({ state }) => state === "preparing");
  await answers(cwd);
  const inside = spawn("env", ["-C", cwd, "/bin/sleep", "100"], { stdio: "ignore" });
  try {
    while (!(await run("readlink", [`/proc/${inside.pid}/cwd`]).catch(() => "")).startsWith(cwd)) continue;
    using other = await daemon.connect();
    await expect(other.ask({ command: "unmount", name: "one", lazy: false })).rejects.toMatchObject({
      code: "FUSE_BUSY",
    });
    await daemon.until("one", ({ state }) => state === "preparing");
  } finally {
    const gone = once(inside, "exit");
    inside.kill("SIGKILL");
    await gone;
  }
  const reading = run("cat", [join(cwd, "README.md")]).catch(String);
  expect(await daemon.signal("SIGTERM")).toEqual([0, null]);
  expect(await reading).toContain("Input/output error");
  expect(await daemon.isMounted(cwd)).toBe(false);
  const { repositories } = JSON.parse(readFileSync(join(daemon.state, "registry.json"), "utf8")) as {
    repositories: unknown[];
  };
  expect(repositories).toMatchObject([{ phase: "preparing", wanted: true }]);
});

test("a placeholder that somebody unmounts comes back with the repository", async () => {
  await daemon.start();
  const cwd = await addHeld();
  await run("umount", [cwd]);
  server.release();
  await daemon.until("one", ({ state }) => state === "mounted");
  expect(await list(cwd)).toEqual(rootOf(origin));
});

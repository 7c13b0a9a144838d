import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DaemonLab } from "../support/daemon-lab.ts";
import { useForeground } from "../support/foreground.ts";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
const foreground = useForeground();
let daemon: DaemonLab;
beforeEach(() => {
  daemon = new DaemonLab(lab);
});
afterEach(() => daemon?.end());

const origin = (): string => lab.keep(makeRepository());
/** All that can be seen of a mount, but its `.git`. */
const look = (directory: string): Promise<string> =>
  run("ls", ["-R", "--time-style=full-iso", "-li", "--ignore=.git"], { cwd: directory });
const status = (directory: string): Promise<string> =>
  run("git", ["-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch"], { cwd: directory });

describe("a daemon", () => {
  test("mounts again what it had mounted, and not what was unmounted", async () => {
    const repository = origin();
    await daemon.start();
    const directory = await daemon.mount("one", repository);
    await daemon.mount("two", repository, { readOnly: true });
    const before = [await look(directory), await status(directory)];
    {
      using client = await daemon.connect();
      expect(await client.ask({ command: "unmount", name: "two", lazy: false })).toMatchObject({
        state: "unmounted",
      });
    }
    expect(await daemon.signal("SIGTERM")).toEqual([0, null]);
    expect(await daemon.isMounted(directory)).toBe(false);

    await daemon.start();
    await daemon.until("one", ({ state }) => state === "mounted");
    expect([await look(directory), await status(directory)]).toEqual(before);
    expect(await daemon.status("two")).toMatchObject({ state: "unmounted", history: null });
    expect(await daemon.isMounted(join(daemon.mounts, "two"))).toBe(false);
  });

  test("mounts what is on the disk without the server", async () => {
    const repository = origin();
    await daemon.start();
    const directory = await daemon.mount("one", repository);
    const names = ["-R", "--ignore=.git"];
    const before = await run("ls", names, { cwd: directory });
    expect(await run("cat", ["README.md"], { cwd: directory })).toBe("version 3\n");
    await daemon.signal("SIGTERM");
    renameSync(repository, lab.keep(`${repository}.away`));
    await daemon.start();
    await daemon.until("one", ({ state }) => state === "mounted");
    expect(await run("ls", names, { cwd: directory })).toBe(before);
    expect(await run("cat", ["README.md"], { cwd: directory })).toBe("version 3\n");
    expect(await daemon.status("one")).toMatchObject({
      history: "complete",
      ahead: 0,
      behind: 0,
      error: null,
      // It was read out of the cache.
      hydratedBlobs: 0,
      hydratedBytes: 0,
    });
  });

  test("that was killed takes its stale mounts away, and mounts the same again", async () => {
    await daemon.start();
    const directory = await daemon.mount("one", origin());
    const before = [await look(directory), await status(directory)];
    await daemon.signal("SIGKILL");
    await expect(run("ls", [directory])).rejects.toThrow("Transport endpoint is not connected");
    await daemon.start();
    await daemon.until("one", ({ state }) => state === "mounted");
    expect([await look(directory), await status(directory)]).toEqual(before);
    const { length } = readFileSync("/proc/self/mountinfo", "utf8").match(new RegExp(` ${directory} `, "g"))!;
    expect(length).toBe(1);
  });

  test("notices that somebody unmounts, and mounts again", async () => {
    await daemon.start();
    const directory = await daemon.mount("one", origin());
    await run("umount", [directory]);
    await daemon.says("one: degraded: somebody has unmounted it");
    await daemon.until("one", ({ state }) => state === "mounted");
    expect(await run("cat", ["README.md"], { cwd: directory })).toBe("version 3\n");
  });

  test("of root's has nothing in its mounts run as somebody else or be a device, nor has a mount of root's in the foreground", async () => {
    const repository = origin();
    await daemon.start();
    const shown = await daemon.mount("one", repository);
    const shared = await daemon.mount("two", repository, { allowOther: true, readOnly: true });
    const own = lab.folder();
    await foreground.start(repository, own, ["--state", lab.folder(), "--cache-dir", lab.folder()]);
    const ours = [shown, shared, own];
    const optionsOf = new Map(
      (await readFile("/proc/mounts", "utf8"))
        .split("\n")
        .map((line) => line.split(" "))
        .map(([, directory = "", type = "", options = ""]) => [directory, [type, ...options.split(",")]]),
    );
    for (const directory of ours)
      expect(optionsOf.get(directory)).toEqual(
        expect.arrayContaining([expect.stringMatching(/^fuse/), "nosuid", "nodev"]),
      );
    // A program of another user's with the bit runs as who starts it.
    await run("sh", ["-ec", "cp /usr/bin/id own; chown 12345 own; chmod u+s own"], { cwd: shown });
    expect(await run("sh", ["-ec", "stat -c '%u %a' own; ./own -u"], { cwd: shown })).toBe("12345 4755\n0\n");
  });

  test("is alone on its state folder", async () => {
    await daemon.start();
    await expect(daemon.start()).rejects.toThrow(`another process works on ${daemon.state}`);
  });

  test("does not mount over what others have mounted, and does when it is gone", async () => {
    await daemon.start();
    const directory = join(daemon.mounts, "one");
    await run("mkdir", [directory]);
    await run("mount", ["-t", "tmpfs", "somebody", directory]);
    await daemon.add("one", origin());
    const { error } = await daemon.until("one", ({ state }) => state === "failed" || state === "degraded");
    expect(error).toBe(`somebody is mounted at ${directory} already`);
    await run("umount", [directory]);
    using client = await daemon.connect();
    expect(await client.ask({ command: "prepare", name: "one" })).toMatchObject({ state: "mounted" });
  });

  test("keeps the fault of one repository from all others", async () => {
    await daemon.start();
    const good = await daemon.mount("good", origin());
    await daemon.add("bad", "/nowhere/at/all");
    const bad = await daemon.until("bad", ({ state }) => state === "failed");
    expect(bad.error).toContain("/nowhere/at/all");
    using client = await daemon.connect();
    await expect(client.ask({ command: "wait", name: "bad", until: "ready" })).rejects.toThrow("/nowhere");
    await expect(client.ask({ command: "fetch", name: "bad" })).rejects.toMatchObject({
      code: "MOUNT_NOT_MOUNTED",
    });
    expect(await run("cat", ["README.md"], { cwd: good })).toBe("version 3\n");
    expect(await daemon.status("good")).toMatchObject({ state: "mounted", error: null });
  });

  test("waits for who is inside when it is to end, and no longer at the second signal", async () => {
    await daemon.start();
    const directory = await daemon.mount("one", origin());
    const user = spawn("env", ["-C", directory, "sleep", "100"], { stdio: "ignore" });
    try {
      while (!(await run("readlink", [`/proc/${user.pid}/cwd`]).catch(() => "")).startsWith(directory))
        continue;
      daemon.kill("SIGTERM");
      await daemon.says("a second signal takes it away");
      expect(await run("cat", ["README.md"], { cwd: directory })).toBe("version 3\n");
      const exit = daemon.signal("SIGTERM");
      const gone = once(user, "exit");
      while (await daemon.isMounted(directory)) await new Promise(setImmediate);
      user.kill("SIGKILL");
      await gone;
      expect(await exit).toEqual([0, null]);
    } finally {
      user.kill("SIGKILL");
    }
  });
});

describe("looking at the remote repository", () => {
  test("moves refs/millrace/upstream only, whatever happened there", async () => {
    const repository = origin();
    await daemon.start();
    const directory = await daemon.mount("one", repository, { refreshMs: 100 });
    const inside = async (...args: string[]): Promise<string> =>
      (await run("git", args, { cwd: directory })).trimEnd();
    const first = await inside("rev-parse", "HEAD");
    const others = async (): Promise<string> =>
      await inside(
        "for-each-ref",
        "--format=%(refname) %(objectname)",
        "refs/heads",
        "refs/remotes",
        "refs/tags",
      );
    const before = [await others(), await look(directory)];
    expect(await daemon.status("one")).toMatchObject({ ahead: 0, behind: 0, diverged: false });

    git(repository, ["tag", "v1"]);
    const next = daemon.commit(repository, "next");
    await daemon.until("one", ({ behind }) => behind === 1);
    expect(await inside("rev-parse", "refs/millrace/upstream/heads/main")).toBe(next);

    // Forced: what was there is gone, and something else is.
    git(repository, ["reset", "-q", "--hard", "HEAD~2"]);
    const forced = daemon.commit(repository, "forced");
    await daemon.until("one", ({ diverged }) => diverged === true);
    expect(await daemon.status("one")).toMatchObject({
      ahead: 1,
      behind: 1,
      lastResult: "ok",
      state: "mounted",
    });
    expect(await inside("rev-parse", "refs/millrace/upstream/heads/main")).toBe(forced);

    expect([await others(), await look(directory)]).toEqual(before);
    expect(await inside("rev-parse", "HEAD")).toBe(first);
    expect(existsSync(join(daemon.state, "mounts/one/git/FETCH_HEAD"))).toBe(false);
    await inside("fsck", "--connectivity-only");
  });

  test("that fails leaves the mount degraded and readable, until it succeeds", async () => {
    const repository = origin();
    await daemon.start();
    const directory = await daemon.mount("one", repository, { refreshMs: 100 });
    renameSync(repository, `${repository}.away`);
    const degraded = await daemon.until("one", ({ state }) => state === "degraded");
    expect(degraded.error).toContain(repository);
    expect(degraded.lastResult).toBe(degraded.error);
    expect(await run("ls", ["names"], { cwd: directory })).toContain("with space");
    renameSync(`${repository}.away`, repository);
    await daemon.until("one", ({ state }) => state === "mounted");
    expect(await daemon.status("one")).toMatchObject({ lastResult: "ok", error: null });
  });

  test("says that what it follows is gone, and finds it when it is back", async () => {
    const repository = origin();
    git(repository, ["checkout", "-q", "-b", "side"]);
    const tip = daemon.commit(repository, "side");
    git(repository, ["checkout", "-q", "main"]);
    await daemon.start();
    const directory = await daemon.mount("one", repository, { ref: "side", refreshMs: 100 });
    git(repository, ["branch", "-q", "-D", "side"]);
    const { error } = await daemon.until("one", ({ state }) => state === "degraded");
    expect(error).toBe(`refs/heads/side is gone from ${repository}`);
    expect(await run("git", ["rev-parse", "refs/millrace/upstream/heads/side"], { cwd: directory })).toBe(
      `${tip}\n`,
    );
    git(repository, ["branch", "-q", "side", tip]);
    await daemon.until("one", ({ state }) => state === "mounted");
  });

  test("is done when it is asked for, and never where it is never to be", async () => {
    const repository = origin();
    await daemon.start();
    await daemon.mount("one", repository);
    daemon.commit(repository, "next");
    using client = await daemon.connect();
    await expect(client.ask({ command: "fetch", name: "one" })).rejects.toMatchObject({
      code: "MOUNT_NOT_REFRESHED",
    });
    await client.ask({ command: "set-refresh", name: "one", refreshMs: 3_600_000 });
    expect(await client.ask({ command: "fetch", name: "one" })).toMatchObject({
      behind: 1,
      lastResult: "ok",
    });
    daemon.commit(repository, "another");
    await client.ask({ command: "set-refresh", name: "one", refreshMs: 50 });
    await daemon.until("one", ({ behind }) => behind === 2);
    await daemon.signal("SIGTERM");
    await daemon.start();
    expect(await daemon.status("one")).toMatchObject({ refreshMs: 50 });
  });
});

describe("a required commit", () => {
  test("that is not there publishes nothing, and what is there is verified", async () => {
    const repository = origin();
    const head = git(repository, ["rev-parse", "main"]);
    const older = git(repository, ["rev-parse", "main~1"]);
    await daemon.start();
    await daemon.add("one", repository, { requireCommit: older });
    const failed = await daemon.until("one", ({ state }) => state === "failed");
    expect(failed).toMatchObject({ acquisition: "pending", requiredCommit: older });
    expect(failed.error).toBe(`main is ${head}, and not ${older}`);
    expect(readdirSync(join(daemon.state, "mounts/one"))).toEqual(["lock"]);
    // Nobody takes it for an empty directory.
    expect(() => readdirSync(join(daemon.mounts, "one"))).toThrow("EIO");

    // It becomes so.
    git(repository, ["reset", "-q", "--hard", older]);
    using client = await daemon.connect();
    const mounted = await client.ask({ command: "prepare", name: "one" });
    expect(mounted).toMatchObject({
      state: "mounted",
      acquisition: "verified",
      head: "DETACHED",
      commit: older,
    });
    const directory = join(daemon.mounts, "one");
    // And stays, whatever becomes of the branch.
    daemon.commit(repository, "later");
    expect(await client.ask({ command: "remount", name: "one", lazy: false })).toMatchObject({
      commit: older,
    });
    expect(await run("git", ["rev-parse", "HEAD"], { cwd: directory })).toBe(`${older}\n`);
    expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe("");
  });
});

describe("a depth", () => {
  test("is how much history there is", async () => {
    const repository = origin();
    await daemon.start();
    const directory = await daemon.mount("one", repository, { depth: 2 });
    const count = (): Promise<string> => run("git", ["rev-list", "--count", "HEAD"], { cwd: directory });
    expect(await count()).toBe("2\n");
    expect(await daemon.status("one")).toMatchObject({ history: "partial", ahead: null, behind: null });
    await daemon.mount("all", repository);
    expect(await daemon.status("all")).toMatchObject({ history: "complete", ahead: 0, behind: 0 });
    using client = await daemon.connect();
    await client.ask({ command: "remount", name: "one", lazy: false });
    await client.ask({ command: "wait", name: "one", until: "history" });
    expect(await count()).toBe("2\n");
  });
});

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ObjectSource } from "@millrace/promisor";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DaemonLab } from "../support/daemon-lab.ts";
import { run, useLab } from "../support/lab.ts";
import { MOUNT } from "../support/program.ts";
import { git, GIT_ENVIRONMENT, makeRepository } from "../support/repository.ts";

const lab = useLab();
let daemon: DaemonLab;
beforeEach(() => {
  daemon = new DaemonLab(lab);
});
afterEach(() => daemon?.end());

const origin = (): string => lab.keep(makeRepository());
const sh = (directory: string, script: string): Promise<string> =>
  run("sh", ["-ec", script], { cwd: directory });
/** Contents of all files, by their names. */
const SUMS = "find . -name .git -prune -o -type f -print0 | sort -z | xargs -0 sha1sum";

describe("a full disk", () => {
  test("with local changes and git's directory on it refuses, loses nothing, and goes on when there is room", async (context) => {
    const disk = lab.folder();
    const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", disk]);
    if (status !== 0) context.skip(`a small disk cannot be mounted: ${stderr.toString().trim()}`);
    try {
      const repository = origin();
      const folders = { ...lab.folders(), stateFolder: join(disk, "state") };
      const { directory, mounted } = await lab.mountRepository(repository, folders);
      await sh(directory, "echo mine > mine; echo more >> README.md; mkdir new; echo new > new/file");
      const before = await sh(directory, SUMS);
      await expect(run("dd", ["if=/dev/zero", "of=big", "bs=64k"], { cwd: directory })).rejects.toThrow(
        "No space left on device",
      );
      await expect(sh(directory, "head -c 65536 /dev/zero > another")).rejects.toThrow("No space left");
      await expect(run("git", ["add", "big"], { cwd: directory })).rejects.toThrow(/No space left|unable to/);
      // What is there can be read, and git works as far as it needs no room.
      expect(await sh(directory, "cat mine new/file; git log --oneline | wc -l")).toBe("mine\nnew\n4\n");
      await sh(directory, "rm -f big another");
      expect(await sh(directory, SUMS)).toBe(before);
      // The room is free when the removal is on the disk.
      const add = (): Promise<string> => sh(directory, "git add -A && echo done").catch(String);
      await expect.poll(add, { timeout: 30_000, interval: 500 }).toBe("done\n");
      await sh(directory, "git commit -q -m mine; echo later >> mine");
      expect(await sh(directory, "git status --porcelain")).toBe(" M mine\n");
      const after = await sh(directory, SUMS);
      await mounted.unmount();
      const again = await lab.mountRepository(repository, folders);
      expect(await sh(directory, SUMS)).toBe(after);
      expect(await sh(directory, "git status --porcelain; git fsck --connectivity-only --no-dangling")).toBe(
        " M mine\n",
      );
      await again.mounted.unmount();
    } finally {
      spawnSync("umount", ["-l", disk]);
    }
  });
});

describe("a daemon that is killed", () => {
  test("while it prepares, at any moment, prepares to the end the next time", {
    timeout: 120_000,
  }, async () => {
    const repository = origin();
    for (const afterMs of [0, 60, 150, 300]) {
      await daemon.start();
      const name = `after-${afterMs}`;
      const directory = await daemon.add(name, repository);
      await sleep(afterMs);
      await daemon.signal("SIGKILL");
      await daemon.start();
      using client = await daemon.connect();
      await client.ask({ command: "wait", name, until: "history" });
      expect(await sh(directory, "git status --porcelain; git fsck --connectivity-only --no-dangling")).toBe(
        "",
      );
      expect(await sh(directory, "git log --format=%s")).toBe(git(repository, ["log", "--format=%s"]) + "\n");
      // Nothing half done is left beside it.
      expect(
        readdirSync(join(daemon.state, "mounts", name)).filter((each) => each.startsWith("git")),
      ).toEqual(["git"]);
      await client.ask({ command: "remove", name, purge: true, lazy: false });
      await daemon.signal("SIGTERM");
    }
  });

  test("while git commits inside has every commit that was made, and its files", {
    timeout: 120_000,
  }, async () => {
    await daemon.start();
    const directory = await daemon.mount("one", origin());
    for (const wantedCount of [3]) {
      const script = `i=0; while :; do i=$((i+1)); echo $i > count; echo $i > "file $i"; git add -A; git commit -q -m $i; echo $i; done`;
      const working = spawn("env", ["-C", directory, "sh", "-ec", script], {
        env: GIT_ENVIRONMENT,
        stdio: ["ignore", "pipe", "ignore"],
      });
      let told = "";
      const enough = new Promise<void>((resolve) => {
        working.stdout.setEncoding("utf8").on("data", (text: string) => {
          told += text;
          if (told.split("\n").length > wantedCount) resolve();
        });
      });
      const gone = once(working, "close");
      await enough;
      await daemon.signal("SIGKILL");
      await gone;
      const done = Number(told.trimEnd().split("\n").at(-1));
      await daemon.start();
      await daemon.until("one", ({ state }) => state === "mounted");
      await sh(directory, "rm -f $(git rev-parse --git-dir)/index.lock $(git rev-parse --git-dir)/HEAD.lock");
      const committed = Number((await sh(directory, "git show HEAD:count")).trim());
      expect(committed).toBeGreaterThanOrEqual(done);
      expect(committed).toBeLessThanOrEqual(done + 1);
      // What came after that is half done at most: cut, and not written yet.
      expect(["", `${committed}\n`, `${committed + 1}\n`]).toContain(await sh(directory, "cat count"));
      for (let at = 1; at <= committed; at++) expect(await sh(directory, `cat "file ${at}"`)).toBe(`${at}\n`);
      await sh(directory, "git fsck --connectivity-only; git add -A; git reset -q --hard; rm -f file*");
    }
  });

  test("tries again what had failed", async () => {
    const repository = origin();
    renameSync(repository, `${repository}.away`);
    await daemon.start();
    const directory = await daemon.add("one", repository);
    await daemon.until("one", ({ state }) => state === "failed");
    await daemon.signal("SIGKILL");
    renameSync(`${repository}.away`, repository);
    await daemon.start();
    await daemon.until("one", ({ state }) => state === "mounted");
    expect(await sh(directory, "cat README.md")).toBe("version 3\n");
  });
});

test("two daemons do not work on one state folder, in whichever namespaces they are", async (context) => {
  const apart = ["--mount", "--pid", "--fork", "--net", "--uts", "--ipc"];
  const { status, stderr } = spawnSync("unshare", [...apart, "true"]);
  if (status !== 0) context.skip(`namespaces cannot be had: ${stderr.toString().trim()}`);
  await daemon.start();
  const directory = await daemon.mount("one", origin());
  const second = [process.execPath, ...MOUNT, "daemon", "--state", daemon.state, "--cache-dir", daemon.cache];
  await expect(run("unshare", [...apart, ...second])).rejects.toThrow(
    `another process works on ${daemon.state}`,
  );
  // Nor does a mount in the foreground on the folder of one that is mounted.
  const foreground = [...MOUNT, "--state", join(daemon.state, "mounts/one"), origin(), lab.folder()];
  await expect(run("unshare", [...apart, process.execPath, ...foreground])).rejects.toThrow(
    "another process works on",
  );
  expect(await sh(directory, "cat README.md; git status --porcelain")).toBe("version 3\n");
});

test("what a rewritten and tidied up remote repository has lost is EIO, and named in the status", async () => {
  const repository = `${lab.folder()}/bare`;
  git("/", ["clone", "-q", "--bare", origin(), repository]);
  for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"])
    git(repository, ["config", key, "true"]);
  await daemon.start();
  const directory = await daemon.mount("one", repository, { refreshMs: 100 });
  await sh(directory, "cat README.md");
  const gone = git(repository, ["rev-parse", "main:src/part-2/file-5.c"]);
  const tree = git(repository, ["mktree"], "");
  git(repository, ["update-ref", "refs/heads/main", git(repository, ["commit-tree", tree, "-m", "nothing"])]);
  git(repository, ["gc", "--quiet", "--prune=now"]);
  await expect(sh(directory, "cat src/part-2/file-5.c")).rejects.toThrow("Input/output error");
  const { lastFault } = await daemon.until(
    "one",
    (each) => each.lastFault !== null && each.diverged === true,
  );
  expect(lastFault).toContain(gone);
  expect(await daemon.status("one")).toMatchObject({ state: "mounted", ahead: 4, behind: 1 });
  // All the rest goes on, local changes too.
  expect(await sh(directory, "cat README.md; echo mine > mine; git add mine; git status --porcelain")).toBe(
    "version 3\nA  mine\n",
  );
});

test("what others have damaged in the cache is noticed after a restart, and fetched again", async () => {
  const repository = origin();
  const folders = lab.folders();
  const first = await lab.mountRepository(repository, folders);
  const before = await sh(first.directory, SUMS);
  await first.mounted.unmount();
  const files = (await run("find", [folders.cacheFolder, "-type", "f", "-size", "+20c"])).trim().split("\n");
  expect(files.length).toBeGreaterThan(10);
  files.forEach((file, at) => {
    const bytes = readFileSync(file);
    chmodSync(file, 0o600);
    // Cut, changed, emptied.
    if (at % 3 === 0) writeFileSync(file, bytes.subarray(0, 10));
    else if (at % 3 === 1) writeFileSync(file, Buffer.from(bytes.map((byte) => byte ^ 1)));
    else writeFileSync(file, "");
  });
  const second = await lab.mountRepository(repository, folders);
  expect(await sh(second.directory, SUMS)).toBe(before);
  expect(second.faults).toEqual([]);
});

test("a thousand changes, and a base that moves all the time, hang no read that waits for the server", async () => {
  const repository = origin();
  git(repository, ["branch", "side", "main~1"]);
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let isHeld = false;
  const { directory, mounted, faults } = await lab.mountRepository(repository, {
    through: (source): ObjectSource => ({
      ...source,
      fetchPack: async (wants, options) => {
        if (isHeld) await gate;
        return await source.fetchPack!(wants, options);
      },
    }),
  });
  await sh(directory, "git fetch -q origin side:side");
  isHeld = true;
  const reads = [
    sh(directory, "sha1sum large.bin"),
    sh(directory, "cat names/umlaut-*"),
    sh(directory, "stat -c %s src/part-1/file-10.c; cat src/part-1/file-10.c"),
  ];
  await sh(
    directory,
    `for i in $(seq 250); do
       echo $i > one; mv one two; chmod 600 two; rm two
       [ $((i % 5)) != 0 ] || git symbolic-ref HEAD refs/heads/side
       [ $((i % 5)) != 2 ] || git symbolic-ref HEAD refs/heads/main
     done; git symbolic-ref HEAD refs/heads/main`,
  );
  // Names, and what is here, are to be had meanwhile.
  expect(await sh(directory, "ls names; echo more > mine; cat mine")).toContain("more");
  open();
  const source = readFileSync(join(repository, "src/part-1/file-10.c"), "utf8");
  expect(await Promise.all(reads)).toEqual([
    await sh(repository, "sha1sum large.bin"),
    "umlaut\n",
    `${source.length}\n${source}`,
  ]);
  expect(await sh(directory, "git status --porcelain")).toBe("?? mine\n");
  expect(faults).toEqual([]);
  await mounted.unmount();
});

describe("a server", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });
  /** One that answers all with one status. */
  const answering = async (status: number): Promise<{ url: string; count: () => number }> => {
    let count = 0;
    server = createServer((_, response) => {
      count++;
      const asks = status === 401 ? { "www-authenticate": 'Basic realm="here"' } : {};
      response.writeHead(status, asks).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}/one.git`, count: () => count };
  };

  test("that wants a password asks nobody, and is left in peace", async () => {
    const { url } = await answering(401);
    await daemon.start();
    await daemon.add("one", url);
    const { error } = await daemon.until("one", ({ state }) => state === "failed");
    expect(error).toMatch(/401|uthentication|credential/);
  });

  test("that is overloaded is asked again", async () => {
    const { url, count } = await answering(503);
    await daemon.start();
    await daemon.add("one", url);
    const { error } = await daemon.until("one", ({ state }) => state === "failed");
    expect(error).toContain("503");
    const before = count();
    await expect.poll(count, { timeout: 30_000 }).toBeGreaterThan(before + 2);
  });

  test("that hangs while git looks at it keeps no mount from being taken away, and nothing is left running", async () => {
    const repository = origin();
    const folder = lab.folder();
    const [hang, ssh] = [join(folder, "hang"), join(folder, "ssh")];
    // Stands where ssh would; what git starts hangs, with a child of its own that has its pipes.
    writeFileSync(
      ssh,
      `#!/bin/sh
for command; do :; done
case $(cat /proc/$PPID/comm) in git*) [ ! -e ${hang} ] || { echo $$ > ${hang}; sleep 1000; } ;; esac
eval "exec $command"
`,
    );
    chmodSync(ssh, 0o755);
    daemon.environment = { GIT_SSH: ssh, GIT_SSH_VARIANT: "ssh" };
    await daemon.start();
    const directory = await daemon.mount("one", `ssh://localhost${repository}`, { refreshMs: 3_600_000 });
    writeFileSync(hang, "");
    daemon.commit(repository, "next");
    using client = await daemon.connect();
    const looking = client.ask({ command: "fetch", name: "one" });
    looking.catch(() => undefined);
    while (readFileSync(hang, "utf8") === "") await sleep(20);
    const pid = readFileSync(hang, "utf8").trim();
    expect(await sh(directory, "cat README.md")).toBe("version 3\n");
    expect(await client.ask({ command: "unmount", name: "one", lazy: false })).toMatchObject({
      state: "unmounted",
    });
    await expect(looking).rejects.toThrow();
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 10_000 }).toBe(false);
    rmSync(hang);
    await client.ask({ command: "remount", name: "one", lazy: false });
    expect(await client.ask({ command: "fetch", name: "one" })).toMatchObject({ behind: 1 });
  });
});

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cloneOf, stateOf } from "../support/brought.ts";
import { DaemonLab } from "../support/daemon-lab.ts";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
let daemon: DaemonLab;
beforeEach(() => {
  daemon = new DaemonLab(lab);
});
afterEach(() => daemon?.end());

test("a daemon that was killed mounts on it again, and who removes the mount has it back as it was", async () => {
  const origin = lab.keep(makeRepository());
  const path = cloneOf(lab, origin, "--bare");
  const before = stateOf(path);
  await daemon.start();
  const given = { preparedGitDirectory: path };
  const directory = await daemon.mount("one", `file://${origin}`, given);
  await run("sh", ["-ec", "echo mine > mine; git add mine; git commit -qm mine"], { cwd: directory });
  await daemon.signal("SIGKILL");
  expect(stateOf(path)).not.toEqual(before);
  await daemon.start();
  await daemon.until("one", ({ state }) => state === "mounted");
  expect(await run("git", ["log", "-1", "--format=%s"], { cwd: directory })).toBe("mine\n");
  await expect(daemon.add("two", `file://${origin}`, given)).rejects.toMatchObject({
    code: "MOUNT_NAME_TAKEN",
  });
  using client = await daemon.connect();
  await client.ask({ command: "remove", name: "one", purge: true, lazy: false });
  expect(stateOf(path)).toEqual(before);
  expect(git(path, ["for-each-ref", "refs/millrace"])).toBe("");
  expect(git(path, ["log", "-1", "--format=%s", "main"])).toBe("mine");
});

test("evict drops none of its files, and damage of it is told and left to whose it is", async () => {
  const origin = lab.keep(makeRepository());
  const path = cloneOf(lab, origin, "--bare");
  await daemon.start();
  const directory = await daemon.mount("one", `file://${origin}`, { preparedGitDirectory: path });
  await run("sh", ["-ec", "cat README.md src/*/* > all; git add all; git commit -qm all"], {
    cwd: directory,
  });
  const objects = (): string => git(path, ["cat-file", "--batch-all-objects", "--batch-check"]);
  const before = objects();
  using client = await daemon.connect();
  await client.ask({ command: "evict", keepBytes: 0 });
  await client.ask({ command: "gc" });
  expect(objects()).toBe(before);
  const head = readFileSync(join(path, "HEAD"), "utf8");
  writeFileSync(join(path, "HEAD"), "damaged\n");
  await expect(client.ask({ command: "prepare", name: "one" })).rejects.toMatchObject({
    code: "MOUNT_PREPARED_DAMAGED",
  });
  expect(readFileSync(join(path, "HEAD"), "utf8")).toBe("damaged\n");
  writeFileSync(join(path, "HEAD"), head);
  await client.ask({ command: "prepare", name: "one" });
  expect(await run("git", ["log", "-1", "--format=%s"], { cwd: directory })).toBe("all\n");
});

test("one of two daemons works on it, and the other one when that has given it back", async () => {
  const origin = lab.keep(makeRepository());
  const path = cloneOf(lab, origin, "--bare");
  const before = stateOf(path);
  const other = new DaemonLab(lab);
  try {
    await daemon.start();
    await other.start();
    const given = { preparedGitDirectory: path };
    await daemon.mount("one", `file://${origin}`, given);
    const lent = stateOf(path);
    const directory = await other.add("two", `file://${origin}`, given);
    const { error } = await other.until("two", (status) => status.error !== undefined);
    expect(error).toContain("another process works on");
    expect(stateOf(path)).toEqual(lent);
    using first = await daemon.connect();
    await first.ask({ command: "remove", name: "one", purge: true, lazy: false });
    expect(stateOf(path)).toEqual(before);
    using second = await other.connect();
    await second.ask({ command: "prepare", name: "two" });
    await second.ask({ command: "wait", name: "two", until: "ready" });
    expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe("");
  } finally {
    await other.end();
  }
});

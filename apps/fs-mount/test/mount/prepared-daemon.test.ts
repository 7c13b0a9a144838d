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

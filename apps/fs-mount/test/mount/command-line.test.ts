import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { useForeground } from "../support/foreground.ts";
import { run, useLab } from "../support/lab.ts";
import { MOUNT } from "../support/program.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
const foreground = useForeground();

/** Starts the program with folders of its own. */
const start = (origin: string, directory: string): Promise<{ child: ChildProcess; line: string }> =>
  foreground.start(origin, directory, ["--state", lab.folder(), "--cache-dir", lab.folder()]);

const isMounted = (directory: string): boolean =>
  readFileSync("/proc/mounts", "utf8").includes(` ${directory} `);

test("mounts, says so in one line, and unmounts on Ctrl-C", async () => {
  const origin = lab.keep(makeRepository());
  const directory = lab.folder();
  const { child, line } = await start(`${origin}@main`, directory);
  const short = git(origin, ["rev-parse", "HEAD"]).slice(0, 9);
  expect(line).toBe(`${origin}@main (${short}) is at ${directory}; Ctrl-C unmounts\n`);
  expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe("");
  expect(await run("cat", ["README.md"], { cwd: directory })).toBe("version 3\n");
  const exit = once(child, "exit");
  child.kill("SIGINT");
  expect(await exit).toEqual([0, null]);
  expect(isMounted(directory)).toBe(false);
});

test("stays while somebody uses the mount, and goes with the second Ctrl-C", async () => {
  const origin = lab.keep(makeRepository());
  const directory = lab.folder();
  const { child } = await start(origin, directory);
  const user = spawn("env", ["-C", directory, "sleep", "100"], { stdio: "ignore" });
  foreground.keep(user);
  // It has changed its folder when the system says so.
  while (!(await run("readlink", [`/proc/${user.pid}/cwd`]).catch(() => "")).startsWith(directory)) continue;
  const words = once(child.stderr!, "data");
  child.kill("SIGINT");
  expect(String((await words)[0])).toContain("somebody uses the mount");
  expect(await run("cat", ["README.md"], { cwd: directory })).toBe("version 3\n");
  const exit = once(child, "exit");
  child.kill("SIGINT");
  user.kill("SIGKILL");
  expect(await exit).toEqual([0, null]);
  expect(isMounted(directory)).toBe(false);
});

test("killed, it leaves nobody hanging", async () => {
  const origin = lab.keep(makeRepository());
  const directory = lab.folder();
  const { child } = await start(origin, directory);
  const tail = run("tail", ["-f", "README.md"], { cwd: directory });
  tail.catch(() => undefined);
  await run("ls", [], { cwd: directory });
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
  await expect(run("ls", [directory])).rejects.toThrow("Transport endpoint is not connected");
  await run("umount", ["-l", directory]);
  // The same folders again.
  await start(origin, directory);
  expect(await run("cat", ["README.md"], { cwd: directory })).toBe("version 3\n");
});

test("without the device it says what else there is, before anything is fetched", async (context) => {
  const hidden = await run("unshare", ["-m", "true"]).then(
    () => true,
    () => false,
  );
  if (!hidden) context.skip("no mount namespaces here");
  const directory = lab.folder();
  const shell = 'mount -t tmpfs none /dev && exec "$@"';
  await expect(
    run("unshare", ["-m", "sh", "-c", shell, "sh", process.execPath, ...MOUNT, "/nowhere", directory]),
  ).rejects.toThrow(`millrace-mount materialize /nowhere ${directory}`);
});

test("without the right to mount it says so, in the foreground and with --detach, before anything is fetched", async () => {
  const without = async (...args: readonly string[]): Promise<string> =>
    await run("setpriv", ["--bounding-set=-sys_admin", process.execPath, ...MOUNT, ...args]);
  const [state, cache, directory] = [lab.folder(), lab.folder(), join(lab.folder(), "unmade")];
  const folders = ["--state", state, "--cache-dir", cache];
  for (const flags of [[], ["--detach"]]) {
    const told = await without(...folders, ...flags, "/nowhere", directory).catch(String);
    expect(told).toContain("cannot mount here: no program may mount here, for lack of CAP_SYS_ADMIN");
    expect(told).toContain(`millrace-mount materialize /nowhere ${directory}`);
  }
  expect([existsSync(directory), readdirSync(state), readdirSync(cache)]).toEqual([false, [], []]);
  const checks = JSON.parse(
    (await without("doctor", ...folders, "--json").catch(String)).replace(/^[^[]*?\n(?=\[)/, ""),
  ) as { name: string; outcome: string; detail?: string }[];
  expect(checks.find(({ name }) => name === "right to mount")).toEqual({
    name: "right to mount",
    outcome: "failed",
    detail: "no program here may have CAP_SYS_ADMIN; millrace-mount materialize writes plain files",
  });
});

test("mounts what was required, and nothing where it is not there", async () => {
  const origin = lab.keep(makeRepository());
  const [directory, state] = [lab.folder(), lab.folder()];
  const older = git(origin, ["rev-parse", "main~1"]);
  const ask = [...MOUNT, "--state", state, "--cache-dir", lab.folder(), "--require-commit", older];
  await expect(run(process.execPath, [...ask, `${origin}@main`, directory])).rejects.toThrow(
    `, and not ${older}`,
  );
  expect(readdirSync(state).filter((name) => name !== "lock")).toEqual([]);
  expect(isMounted(directory)).toBe(false);
});

test("tells what is wrong with its arguments, and what it cannot find", async () => {
  const ask = (...args: string[]): Promise<string> => run(process.execPath, [...MOUNT, ...args]);
  await expect(ask("only-one")).rejects.toThrow("missing required argument 'directory'");
  await expect(ask("--uid", "x", "a", "b")).rejects.toThrow("uid");
  await expect(ask("/nowhere", lab.folder())).rejects.toThrow("/nowhere");
  const unmade = join(lab.folder(), "unmade");
  for (const flags of [[], ["--detach"]]) {
    const state = lab.folder();
    const told = await ask("https://h/x.git?token=hunter2", unmade, "--state", state, ...flags).catch(String);
    expect(told).toContain("the address has a query or a fragment");
    expect(told.replace(/^.*\n/, "")).not.toContain("hunter2");
    expect(readdirSync(state)).toEqual([]);
  }
  expect(existsSync(unmade)).toBe(false);
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DaemonLab } from "../support/daemon-lab.ts";
import { run, useLab, whyNot } from "../support/lab.ts";
import { gitStatus, makeProject, only, redirect, undo, whyNoRedirect } from "../support/redirects.ts";

const lab = useLab(whyNot() ?? whyNoRedirect());
let daemon: DaemonLab;
let directory: string;
beforeEach(async () => {
  daemon = new DaemonLab(lab);
  await daemon.start();
  directory = await daemon.mount("one", lab.keep(makeProject()));
});
afterEach(() => daemon?.end());

const inside = (script: string): Promise<string> => run("sh", ["-ec", script], { cwd: directory });
/** How many files git has looked at because the mount did not say that they were the same. */
const LOOKED_AT = "GIT_TRACE_FSMONITOR=1 git status 2>&1 | grep -c mark_fsmonitor_clean || true";

describe("git in a mount with a bound directory", () => {
  test("is told nothing of what is ignored there, looks at no other file for it, and leaves it alone", async () => {
    await redirect(daemon, join(directory, "node_modules"), "bind");
    await inside("mkdir -p node_modules/one; echo 1 > node_modules/one/index.js; git status; git status");
    await inside("echo 2 > node_modules/one/index.js; echo 3 > node_modules/one/other.js");
    expect(await gitStatus(directory)).toEqual({ said: "", looked: "" });
    expect(await inside(LOOKED_AT)).toBe("0\n");
    await inside("git add -A; git stash push -q -u || true; git reset -q --hard");
    expect(await inside("git diff --cached --name-only; ls node_modules/one")).toBe("index.js\nother.js\n");
    // A file that is tracked all the same is looked at, though no change of it passes the mount.
    await inside("git add -f node_modules/one/index.js; git status");
    expect((await gitStatus(directory)).said).toBe("A  node_modules/one/index.js\n");
    await inside("echo 4 > node_modules/one/index.js");
    expect(await gitStatus(directory)).toEqual({
      said: "AM node_modules/one/index.js\n",
      looked: "AM node_modules/one/index.js\n",
    });
  });

  test("tells the truth of one that is not ignored, whatever becomes of it", async () => {
    const target = join(directory, "target");
    await inside("mkdir -p target/a/b; echo 1 > target/a/zero; git status");
    await redirect(daemon, target, "bind");
    const steps = [
      "rm target/a/zero",
      "echo 1 > target/a/b/first",
      "rm target/a/b/first",
      "mkdir -p target/c/d/e; echo 1 > target/c/d/e/deep",
      "echo 'target/c/' > target/.gitignore",
      "rm -r target/c target/.gitignore",
      "echo 1 > target/a/b/second; git add target/a",
      "echo 2 > target/a/b/second",
      "echo target/ > .gitignore",
      "echo 3 > target/a/b/second; echo 1 > target/a/b/third",
      "git checkout -q .gitignore; git reset -q",
      "git clean -qfd src; echo 1 > target/only",
    ];
    for (const step of steps) {
      await inside(step);
      for (let times = 0; times < 2; times++) {
        const { said, looked } = await gitStatus(directory);
        expect(said, step).toBe(looked);
      }
    }
    expect((await gitStatus(directory)).said).toBe("?? target/\n");
    expect(await inside(LOOKED_AT)).toBe("0\n");
    await undo(daemon, target);
    await inside("rm -r target/only target/a/b/second target/a/b/third; git status; mkdir target/empty");
    expect(await gitStatus(directory)).toEqual({ said: "", looked: "" });
  });

  test("and rm empty it, and say that it is busy", async () => {
    await redirect(daemon, join(directory, "node_modules"), "bind");
    const fill = "mkdir -p node_modules/one; echo 1 > node_modules/one/index.js";
    for (const command of ["git clean -fdx", "rm -rf node_modules"]) {
      await inside(fill);
      await expect(inside(command)).rejects.toThrow(/node_modules/);
      expect(await inside("ls -A node_modules")).toBe("");
      expect(await only(daemon)).toMatchObject({ state: "shown" });
    }
  });

  test("packages find the project through their own path", async () => {
    await redirect(daemon, join(directory, "node_modules"), "bind");
    await inside(`mkdir -p node_modules/one node_modules/two
echo 'module.exports = require("two") + " of " + require("../../index.js")' > node_modules/one/index.js
echo 'module.exports = "two"' > node_modules/two/index.js`);
    const script = 'console.log(require("one"), require.resolve("one"))';
    const said = await run(process.execPath, ["-e", script], { cwd: join(directory, "src") });
    expect(said).toBe(`two of the project ${join(directory, "node_modules/one/index.js")}\n`);
  });
});

test("git in a mount does not see a link to the native disk, and clean takes it away but not its content", async () => {
  const modules = join(directory, "node_modules");
  const exclude = '"$(git rev-parse --git-dir)/info/exclude"';
  await inside(`echo mine > ${exclude}; mkdir node_modules; echo 1 > node_modules/file`);
  await redirect(daemon, modules, "link");
  expect(await gitStatus(directory)).toEqual({ said: "", looked: "" });
  expect(await inside("git add -A; git diff --cached --name-only; readlink node_modules")).toBe(
    `${(await only(daemon)).folder}\n`,
  );
  await inside("git clean -fdxq");
  expect(await inside("ls -A")).not.toContain("node_modules");
  await redirect(daemon, modules);
  expect(await inside("cat node_modules/file")).toBe("1\n");
  await undo(daemon, modules);
  expect(await inside(`cat ${exclude} node_modules/file`)).toBe("mine\n1\n");
});

test("who is inside a bound directory keeps it where it is", async () => {
  const modules = join(directory, "node_modules");
  await inside("mkdir node_modules; echo 1 > node_modules/file");
  await redirect(daemon, modules, "bind");
  await redirect(daemon, join(directory, "build"), "bind");
  const user = spawn("env", ["-C", modules, "sleep", "100"], { stdio: "ignore" });
  try {
    while ((await run("readlink", [`/proc/${user.pid}/cwd`]).catch(() => "")).trim() !== modules) continue;
    using client = await daemon.connect();
    const busy = { code: "FUSE_BUSY" };
    await expect(client.ask({ command: "unmount", name: "one", lazy: false })).rejects.toMatchObject(busy);
    await expect(undo(daemon, modules)).rejects.toMatchObject(busy);
    await expect(undo(daemon, modules, true)).rejects.toMatchObject(busy);
    const { state, redirects } = await daemon.status("one");
    expect([state, ...redirects.map((each) => each.state)]).toEqual(["mounted", "shown", "shown"]);
    expect(await inside("cat node_modules/file; ls -A | grep millrace || true")).toBe("1\n");
    const away = client.ask({ command: "unmount", name: "one", lazy: true });
    while (await daemon.isMounted(directory)) await new Promise(setImmediate);
    expect(await daemon.isMounted(modules)).toBe(false);
    const gone = once(user, "exit");
    user.kill("SIGKILL");
    await gone;
    expect(await away).toMatchObject({ state: "unmounted" });
  } finally {
    user.kill("SIGKILL");
  }
});

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DaemonLab } from "../support/daemon-lab.ts";
import { run, useLab, whyNot } from "../support/lab.ts";
import { gitStatus, makeProject, only, redirect, seen, undo, whyNoRedirect } from "../support/redirects.ts";

const lab = useLab(whyNot() ?? whyNoRedirect());
let daemon: DaemonLab;
beforeEach(() => {
  daemon = new DaemonLab(lab);
});
afterEach(() => daemon?.end());

/** A mounted project with a `node_modules` of some packages. */
async function project(): Promise<{ readonly directory: string; readonly modules: string }> {
  await daemon.start();
  const directory = await daemon.mount("one", lab.keep(makeProject()));
  await install(directory);
  return { directory, modules: join(directory, "node_modules") };
}

/** What a package manager leaves. */
const install = (directory: string): Promise<string> =>
  run(
    "sh",
    [
      "-ec",
      `mkdir -p node_modules/.bin node_modules/one node_modules/@scope/two
echo 'module.exports = require("@scope/two") + " " + require("../../index.js")' > node_modules/one/index.js
echo 'module.exports = "two"' > node_modules/@scope/two/index.js
head -c 100000 /dev/zero > node_modules/one/large
ln -s ../one/index.js node_modules/.bin/one; chmod +x node_modules/one/index.js`,
    ],
    { cwd: directory },
  );

describe.each(["bind", "link"] as const)("a directory that is redirected by a %s", (kind) => {
  test("is on the native disk with all that was in it, and in the mount again when that is undone", async () => {
    const { directory, modules } = await project();
    const before = await seen(modules);
    expect(before.type).toBe("fuseblk");
    await redirect(daemon, modules, kind);
    const { folder, ...rest } = await only(daemon);
    expect(rest).toEqual({ path: "node_modules", kind, state: "shown", error: null });
    const after = await seen(`${modules}/`);
    expect(after).toEqual({ type: expect.not.stringContaining("fuse"), tree: before.tree });
    expect(await seen(folder)).toEqual(after);
    expect(await run("ls", ["-A"], { cwd: directory })).not.toContain(".millrace");

    await undo(daemon, modules);
    expect(await seen(modules)).toEqual(before);
    expect(readdirSync(join(daemon.state, "mounts/one/redirects"))).toEqual([]);
    expect((await daemon.status("one")).redirects).toEqual([]);
    const { said, looked } = await gitStatus(directory);
    expect([said, looked]).toEqual(["", ""]);
  });

  test("is made where it is missing, with those above it, and can be deleted", async () => {
    const { directory } = await project();
    const target = join(directory, "deep/down/target");
    await redirect(daemon, target, kind);
    await run("sh", ["-c", "echo built > deep/down/target/program"], { cwd: directory });
    const { folder } = await only(daemon);
    expect(readdirSync(folder)).toEqual(["program"]);
    await undo(daemon, target, true);
    expect(existsSync(folder)).toBe(false);
    expect(await run("ls", ["-A", "deep/down"], { cwd: directory })).toBe("");
  });

  test("is there again after a remount, the daemon's end and kill -9, and is away meanwhile", async () => {
    const { directory, modules } = await project();
    await redirect(daemon, modules, kind);
    const before = await seen(`${modules}/`);
    const again = async (): Promise<void> => {
      await daemon.until(
        "one",
        ({ state, redirects }) => state === "mounted" && redirects[0]?.state === "shown",
      );
      expect(await seen(`${modules}/`)).toEqual(before);
      const mounts = await run("grep", ["-c", ` ${directory}[/ ]`, "/proc/self/mountinfo"]);
      expect(mounts.trim()).toBe(kind === "bind" ? "2" : "1");
    };
    {
      using client = await daemon.connect();
      await client.ask({ command: "unmount", name: "one", lazy: false });
      expect(await only(daemon)).toMatchObject({ state: "hidden" });
      expect(await run("ls", ["-A", directory])).toBe("");
      await client.ask({ command: "remount", name: "one", lazy: false });
    }
    await again();
    expect(await daemon.signal("SIGTERM")).toEqual([0, null]);
    expect(await run("ls", ["-A", directory])).toBe("");
    await daemon.start();
    await again();
    await daemon.signal("SIGKILL");
    await daemon.start();
    await again();
  });
});

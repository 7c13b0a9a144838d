import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Registration } from "../../src/daemon/schema.ts";
import { DaemonLab } from "../support/daemon-lab.ts";
import { useForeground } from "../support/foreground.ts";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
const foreground = useForeground();
let daemon: DaemonLab | undefined;
afterEach(async () => {
  await daemon?.end();
  daemon = undefined;
});

const inside = async (directory: string, ...args: string[]): Promise<string> =>
  (await run("git", args, { cwd: directory })).trim();

test("the git directory is made where somebody wants it, and is known from then on", async () => {
  const origin = lab.keep(makeRepository());
  const kept = lab.folders();
  const { directory, stateFolder } = kept;
  const gitDirectory = join(lab.folder(), "not", "there yet");
  let { mounted } = await lab.mountRepository(origin, { ...kept, gitDirectory });
  expect(mounted.gitDirectory).toBe(gitDirectory);
  expect(await inside(directory, "rev-parse", "--absolute-git-dir")).toBe(gitDirectory);
  await run("sh", ["-ec", "echo mine > mine; git add mine; git commit -qm mine"], { cwd: directory });
  expect(readdirSync(stateFolder)).not.toContain("git");
  for (const given of [{}, { gitDirectory }]) {
    await mounted.unmount();
    ({ mounted } = await lab.mountRepository(origin, { ...kept, ...given }));
    expect(await inside(directory, "log", "-1", "--format=%s")).toBe("mine");
    expect(await inside(directory, "status", "--porcelain")).toBe("");
  }
  expect(readdirSync(dirname(gitDirectory))).toEqual(["there yet"]);
});

test("a place that has something, or in which the mount would be, is refused and stays as it was", async () => {
  const origin = lab.keep(makeRepository());
  const others = lab.folders();
  const { mounted } = await lab.mountRepository(origin, others);
  const folder = lab.folder();
  writeFileSync(join(folder, "file"), "somebody's");
  const kept = lab.folders();
  const within = join(kept.directory, "git");
  mkdirSync(within);
  const refused: readonly (readonly [string, RegExp])[] = [
    [folder, /there is something/],
    [join(folder, "file"), /there is something/],
    [mounted.gitDirectory, /there is something/],
    [kept.stateFolder, /there is something/],
    [within, /one in the other/],
    [dirname(kept.directory), /one in the other/],
  ];
  for (const [gitDirectory, words] of refused) {
    const mounting = lab.mountRepository(origin, { ...kept, gitDirectory });
    await expect(mounting, gitDirectory).rejects.toThrow(words);
    await expect(mounting).rejects.toMatchObject({ code: "MOUNT_BAD_STATE" });
  }
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("somebody's");
  expect(await inside(others.directory, "status", "--porcelain")).toBe("");
  // A state folder goes with one git directory.
  await mounted.unmount();
  const elsewhere = join(folder, "elsewhere");
  await expect(lab.mountRepository(origin, { ...others, gitDirectory: elsewhere })).rejects.toThrow(
    /goes with a git directory of its own/,
  );
  const again = await lab.mountRepository(origin, { ...kept, gitDirectory: elsewhere });
  await again.mounted.unmount();
  await expect(lab.mountRepository(origin, { ...kept, gitDirectory: join(folder, "third") })).rejects.toThrow(
    /goes with a git directory of its own/,
  );
});

test("a daemon mends it there, gives it to one mount, and takes it away with all else", async () => {
  const origin = `file://${lab.keep(makeRepository())}`;
  const folder = lab.folder();
  const gitDirectory = join(folder, "git");
  daemon = new DaemonLab(lab);
  await daemon.start();
  const directory = await daemon.mount("one", origin, { gitDirectory });
  expect(await inside(directory, "rev-parse", "--absolute-git-dir")).toBe(gitDirectory);
  await expect(daemon.add("two", origin, { gitDirectory })).rejects.toMatchObject({
    code: "MOUNT_NAME_TAKEN",
  });
  writeFileSync(join(gitDirectory, "HEAD"), "damaged\n");
  using client = await daemon.connect();
  await client.ask({ command: "prepare", name: "one" });
  await client.ask({ command: "wait", name: "one", until: "history" });
  expect(await inside(directory, "log", "-1", "--format=%s", "HEAD")).not.toBe("");
  expect(readdirSync(folder).filter((name) => name.startsWith("git.damaged-"))).toHaveLength(1);
  await client.ask({ command: "remove", name: "one", purge: true, lazy: false });
  expect(existsSync(gitDirectory)).toBe(false);
});

test("a daemon that has made none there takes nothing away that is there since", async () => {
  const gitDirectory = join(lab.folder(), "git");
  daemon = new DaemonLab(lab);
  await daemon.start();
  await daemon.add("one", `file://${lab.folder()}`, { gitDirectory });
  await daemon.until("one", ({ error }) => error !== undefined);
  mkdirSync(gitDirectory);
  writeFileSync(join(gitDirectory, "file"), "somebody's");
  using client = await daemon.connect();
  await client.ask({ command: "remove", name: "one", purge: true, lazy: false });
  expect(readFileSync(join(gitDirectory, "file"), "utf8")).toBe("somebody's");
  expect(readdirSync(join(daemon.state, "mounts"))).toEqual([]);
});

test("from the command line, and not beside one that is there already", async () => {
  const origin = lab.keep(makeRepository());
  const directory = lab.folder();
  const gitDirectory = join(lab.folder(), "git");
  const options = ["--state", lab.folder(), "--cache-dir", lab.folder(), "--git-dir", gitDirectory];
  await foreground.start(origin, directory, options);
  expect(await inside(directory, "rev-parse", "--absolute-git-dir")).toBe(gitDirectory);
  const both = { gitDirectory, preparedGitDirectory: git(origin, ["rev-parse", "--absolute-git-dir"]) };
  const usual = { name: "one", url: origin, ref: "main", refreshMs: null, directory: "/srv/one" };
  const asked = Registration.safeParse({ ...usual, allowOther: false, readOnly: false, ...both });
  expect(asked.error?.message).toContain("no --git-dir beside --prepared-gitdir");
});

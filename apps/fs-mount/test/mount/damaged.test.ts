import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DaemonLab } from "../support/daemon-lab.ts";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
let daemon: DaemonLab;
beforeEach(() => {
  daemon = new DaemonLab(lab);
});
afterEach(() => daemon?.end());

const origin = (): string => lab.keep(makeRepository());

describe("a damaged git directory", () => {
  const all = (directory: string): Promise<string> =>
    run("sh", ["-c", "find . -name .git -prune -o -type f -print0 | sort -z | xargs -0 sha1sum"], {
      cwd: directory,
    });
  const inside = (directory: string, script: string): Promise<string> =>
    run("sh", ["-ec", script], { cwd: directory });
  const MINE =
    "echo committed > mine; rm run.sh; git add -A; git commit -q -m mine; echo later > mine; git rev-parse HEAD";

  test.each([
    ["with settings that are none", (git: string) => writeFileSync(join(git, "config"), "[nonsense\n")],
    ["whose note is cut", (git: string) => truncateSync(join(git, "millrace.json"), 10)],
    ["whose note is gone", (git: string) => rmSync(join(git, "millrace.json"))],
    ["whose HEAD is nonsense", (git: string) => writeFileSync(join(git, "HEAD"), "nonsense\n")],
    [
      "whose packs are cut",
      (git: string) => {
        for (const name of readdirSync(join(git, "objects/pack")))
          if (name.endsWith(".pack")) truncateSync(join(git, "objects/pack", name), 20);
      },
    ],
  ])("%s is put aside by prepare and made anew; nothing is lost", async (_, damage) => {
    const repository = origin();
    const head = git(repository, ["rev-parse", "main"]);
    await daemon.start();
    const directory = await daemon.mount("one", repository);
    const own = (await inside(directory, MINE)).trim();
    await daemon.until("one", ({ overlayDirty }) => overlayDirty === 1);
    const before = await all(directory);
    const folder = join(daemon.state, "mounts/one");
    damage(join(folder, "git"));
    using client = await daemon.connect();
    expect(await client.ask({ command: "prepare", name: "one" })).toMatchObject({
      state: "mounted",
      commit: head,
    });
    await daemon.says("one: a damaged git directory is put aside");
    expect(await all(directory)).toBe(before);
    expect(await inside(directory, "git status --porcelain")).toBe(" D run.sh\n?? mine\n");
    const aside = readdirSync(folder).find((name) => name.startsWith("git.damaged-"));
    // What was committed is there, and what was pushed nowhere.
    if (!_.includes("packs"))
      expect(await inside(directory, `git cat-file -t ${own}; git show ${own}:mine`)).toBe(
        "commit\ncommitted\n",
      );
    expect(existsSync(join(folder, aside!, "objects"))).toBe(true);
    expect(await client.ask({ command: "prepare", name: "one" })).toMatchObject({ state: "mounted" });
    expect(readdirSync(folder).filter((name) => name.startsWith("git.damaged-"))).toHaveLength(1);
  });

  test.each([
    ["is nonsense", () => Buffer.from("no index at all")],
    ["was cut", (index: Buffer) => index.subarray(0, 100)],
  ])("of which only the index %s, gets another one, and keeps its commits", async (_, harm) => {
    await daemon.start();
    const directory = await daemon.mount("one", origin());
    const own = (await inside(directory, MINE)).trim();
    const index = join(daemon.state, "mounts/one/git/index");
    writeFileSync(index, harm(readFileSync(index)));
    using client = await daemon.connect();
    expect(await client.ask({ command: "prepare", name: "one" })).toMatchObject({
      state: "mounted",
      commit: own,
    });
    expect(await inside(directory, "git status --porcelain")).toBe(" M mine\n");
  });
});

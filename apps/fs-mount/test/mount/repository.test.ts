import { describe, expect, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();

describe.each([
  ["sha1", false],
  ["sha256", true],
] as const)("git inside a mount of %s, read-only: %s", (format, readOnly) => {
  test("works as in a clone, and status reads no file", async () => {
    const origin = lab.keep(makeRepository(format));
    const clone = `${lab.folder()}/clone`;
    git("/", ["clone", "-q", origin, clone]);
    const { mounted, directory, requests, faults } = await lab.mountRepository(origin, { readOnly });
    // The root, all trees, then the history.
    expect(requests).toHaveLength(3);
    const inside = (...args: string[]): Promise<string> => run("git", args, { cwd: directory });
    const both = async (...args: string[]): Promise<void> => {
      expect(await inside(...args)).toBe(`${git(clone, args)}\n`.replace(/^\n$/, ""));
    };
    await both("-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch");
    expect(mounted.counts).toMatchObject({ fetches: 0, fetched: 0 });
    await both("status");
    await both("log", "--oneline", "--decorate");
    await both("ls-files", "--stage");
    await both("diff", "--stat");
    await both("diff", "--cached");
    await both("rev-parse", "--show-prefix", "HEAD", "--abbrev-ref", "HEAD@{upstream}");
    await both("grep", "-n", "return 0", "--", "src");
    await both("show", "--stat", "HEAD");
    await both("diff", "HEAD~1", "HEAD", "--", "README.md", "run.sh");
    await both("log", "--oneline", "--", "README.md");
    await both("blame", "README.md");
    await inside("fsck", "--connectivity-only");
    if (readOnly) await expect(inside("mv", "README.md", "other")).rejects.toThrow("Read-only file system");
    expect(faults).toEqual([]);
  });
});

describe("a mounted repository", () => {
  test("is the same after a restart, without the server, and git takes nothing for changed", async () => {
    const origin = lab.keep(makeRepository());
    const kept = lab.folders();
    const { directory } = kept;
    const first = await lab.mountRepository(origin, kept);
    const stats = ["-R", "--time-style=full-iso", "-li", "--ignore=.git"];
    const before = await run("ls", stats, { cwd: directory });
    expect(await run("cat", ["README.md"], { cwd: directory })).toBe("version 3\n");
    await first.mounted.unmount();
    expect(await run("ls", ["-A"], { cwd: directory })).toBe("");
    let isDown = false;
    const again = await lab.mountRepository(origin, {
      ...kept,
      through: (source) => {
        const down = async (): Promise<never> => await Promise.reject(new Error("no route to host"));
        return {
          ...source,
          fetch: down,
          fetchPack: down,
          sizes: (oids, how) => (isDown ? down() : source.sizes!(oids, how)),
        };
      },
    });
    expect(again.mounted.commit).toBe(first.mounted.commit);
    expect(await run("ls", stats, { cwd: directory })).toBe(before);
    isDown = true;
    expect(
      await run("git", ["-c", "core.fsmonitor=false", "status", "--porcelain"], { cwd: directory }),
    ).toBe("");
    expect(await run("cat", ["README.md"], { cwd: directory })).toBe("version 3\n");
    await expect(run("cat", ["src/part-1/file-1.c"], { cwd: directory })).rejects.toThrow(
      "Input/output error",
    );
    expect(again.mounted.counts.fetched).toBe(0);
  });

  test("of a tag has a detached head", async () => {
    const origin = lab.keep(makeRepository());
    git(origin, ["tag", "-a", "v1", "-m", "one", "HEAD~1"]);
    const { directory } = await lab.mountRepository(origin, { name: "v1", withHistory: false });
    expect(await run("git", ["rev-parse", "HEAD"], { cwd: directory })).toBe(
      `${git(origin, ["rev-parse", "v1^{}"])}\n`,
    );
    expect(await run("git", ["status"], { cwd: directory })).toContain("Not currently on any branch");
    expect(await run("git", ["log", "--oneline"], { cwd: directory })).toMatch(/^[0-9a-f]+ commit 3\n$/);
  });

  test("leaves a directory alone that is not its own", async () => {
    const origin = lab.keep(makeRepository());
    const stateFolder = lab.folder();
    git("/", ["init", "-q", `${stateFolder}/git`]);
    await expect(lab.mountRepository(origin, { stateFolder })).rejects.toMatchObject({
      code: "MOUNT_BAD_STATE",
    });
  });

  test("with a tree that nobody should check out shows all others, and is no way out", async () => {
    const origin = lab.keep(makeRepository());
    const blob = git(origin, ["hash-object", "-w", "--stdin"], "evil\n");
    const evil = git(origin, ["mktree"], `100644 blob ${blob}\t..\n`.replace("..", "x"));
    const raw = Buffer.concat([Buffer.from("100644 ..\0"), Buffer.from(blob, "hex")]);
    const dots = git(origin, ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], raw);
    const root = git(origin, ["mktree"], `040000 tree ${dots}\tbad\n040000 tree ${evil}\tgood\n`);
    const commit = git(origin, ["commit-tree", root, "-m", "hostile"]);
    git(origin, ["update-ref", "refs/heads/hostile", commit]);
    const { directory, faults } = await lab.mountRepository(origin, { name: "hostile", withHistory: false });
    expect(await run("cat", ["good/x"], { cwd: directory })).toBe("evil\n");
    await expect(run("ls", ["bad"], { cwd: directory })).rejects.toThrow("Input/output error");
    expect(await run("ls", [], { cwd: directory })).toBe("bad\ngood\n");
    expect(faults).toEqual([]);
  });
});

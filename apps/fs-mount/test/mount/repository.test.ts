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
    const write = (type: string, bytes: string | Uint8Array): string =>
      git(origin, ["hash-object", "-t", type, "-w", "--literally", "--stdin"], bytes);
    const blob = write("blob", "evil\n");
    const entry = (name: string): Buffer =>
      Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, "hex")]);
    const names = ["..", ".", ".git", ".GiT", "git~1", "a/b", "x".repeat(256)];
    const bad = [...names.map(entry), Buffer.concat([entry("a"), entry("a")])];
    const lines = bad.map((bytes, n) => `040000 tree ${write("tree", bytes)}\tbad-${n}`);
    const links = ["x".repeat(5000), "a\0b", ""].map(
      (to, n) => `120000 blob ${write("blob", to)}\tlink-${n}`,
    );
    lines.push(
      `040000 tree ${git(origin, ["mktree"], `${links.join("\n")}\n100644 blob ${blob}\tx\n`)}\tgood`,
    );
    const commit = git(origin, ["commit-tree", git(origin, ["mktree"], lines.join("\n")), "-m", "hostile"]);
    git(origin, ["update-ref", "refs/heads/hostile", commit]);
    const { directory, faults } = await lab.mountRepository(origin, { name: "hostile", withHistory: false });
    const sh = (script: string): Promise<string> => run("sh", ["-c", script], { cwd: directory });
    expect(await sh("cat good/x; ls good; ls -d *")).toBe(
      `evil\nlink-0\nlink-1\nlink-2\nx\n${lines
        .map((line) => `${line.split("\t")[1]}\n`)
        .toSorted()
        .join("")}`,
    );
    const told = await sh(
      "for each in bad-*; do ls $each 2>&1; done; for each in good/link-*; do cat $each 2>&1; done; :",
    );
    expect(told.match(/bad-\d+'?: Input\/output error/g)).toHaveLength(bad.length);
    expect(told.match(/link-\d: (File name too long|Input\/output error)/g)).toHaveLength(links.length);
    expect(told).not.toContain("evil");
    expect(faults).toEqual([]);
  });
});

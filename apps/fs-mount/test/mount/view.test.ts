import { describe, expect, test } from "vitest";
import type { ObjectSource } from "@millrace/promisor";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();

describe.each(["sha1", "sha256"] as const)("a mounted view of %s", (format) => {
  test("is what a clone is", async () => {
    const origin = lab.keep(makeRepository(format));
    const clone = `${lab.folder()}/clone`;
    git("/", ["clone", "-q", origin, clone]);
    git(clone, ["update-index", "-q", "--refresh"]);
    const { directory, requests } = await lab.mountView(origin);
    const listed = await run("find", [".", "-not", "-path", "./.git*", "-printf", "%p %y\n"], {
      cwd: directory,
    });
    const native = await run("find", [".", "-not", "-path", "./.git*", "-printf", "%p %y\n"], { cwd: clone });
    expect(listed.split("\n").toSorted()).toEqual(native.split("\n").toSorted());
    // Commit and trees came with the first request; names and kinds ask for nothing more.
    expect(requests).toHaveLength(1);
    await run("diff", ["-r", "--no-dereference", "-x", ".git", clone, directory]);
    const modes = [
      "-c",
      "cd $0 && find . -path ./.git -prune -o -type f -perm -100 -print -o -type l -printf '%p %l %s\\n'",
    ];
    const sorted = async (folder: string): Promise<string[]> =>
      (await run("sh", [...modes, folder])).split("\n").toSorted();
    expect(await sorted(directory)).toEqual(await sorted(clone));
    expect(await run(`${directory}/run.sh`, [])).toBe("ran\n");
    await expect(run("sh", ["-c", `echo x > ${directory}/new`])).rejects.toThrow("Read-only file system");
  });
});

describe("a mounted view", () => {
  test("asks once for the sizes of a directory, and once for files that are read together", async () => {
    const origin = lab.keep(makeRepository());
    const { directory, requests } = await lab.mountView(origin);
    await run("ls", ["-lR", directory]);
    // Folders that have files: the root, names, three parts. Links are looked at with the first of their directory.
    const listing = requests.length;
    expect(listing).toBeLessThanOrEqual(1 + 5 + 2);
    await run("sh", ["-c", `cat ${directory}/src/*/*.c ${directory}/README.md > /dev/null`]);
    // Thirteen files of four directories; of each the first file is asked for, and then all others.
    expect(requests.length - listing).toBeLessThanOrEqual(8);
  });

  test("a reader who waits for a server that hangs can be interrupted, and hangs nobody", async () => {
    const origin = lab.keep(makeRepository());
    let isDeaf = false;
    const { directory, mount } = await lab.mountView(
      origin,
      (source): ObjectSource => ({
        ...source,
        fetch: async (wants, options) => {
          if (isDeaf) await new Promise((_, reject) => options?.signal?.addEventListener("abort", reject));
          return await source.fetch(wants, options);
        },
      }),
    );
    isDeaf = true;
    const read = run("timeout", ["-s", "INT", "1", "cat", "large.bin"], { cwd: directory });
    expect(await run("ls", [], { cwd: directory })).toContain("large.bin");
    await expect(read).rejects.toThrow("status 124");
    // Who does not leave is told so in the end, and the next one asks again.
    await expect(run("head", ["-c", "17", "large.bin"], { cwd: directory })).rejects.toThrow(
      "Input/output error",
    );
    isDeaf = false;
    expect((await run("head", ["-c", "17", "large.bin"], { cwd: directory })).trim()).toBe(
      "0123456789abcdef",
    );
    await mount.unmount();
  });
});

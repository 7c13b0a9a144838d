import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { headerlessFlags, SHATTERED } from "@millrace/git-lab/collisions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectSound } from "../src/expect-sound.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { startServing } from "../src/server-process.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";

/** Servers that hash without headers, in which the published collisions are ones of git's objects. */
const headerless = { NODE_OPTIONS: headerlessFlags.join(" ") };

describe("a pushed object that was made to collide", () => {
  let scratch: Scratch;
  let local: WorkTree;
  beforeAll(async () => {
    scratch = await createScratch();
    local = await openWorkTree(join(scratch.path, "local"), {}, "sha1");
    await local.commit("harmless", { "a.txt": "a\n" });
    await writeFile(join(local.path, "half.bin"), SHATTERED.messages[0]);
    await local.git("add", "half.bin");
    await local.commit("half of a pair", {});
  });
  afterAll(() => scratch[Symbol.asyncDispose]());

  it("ends the push with git's words, and nothing of it stays", async () => {
    const root = join(scratch.path, "refusing");
    await using server = await startServing(["--root", root], headerless);
    const url = `${server.url}/target.git`;
    await local.git("push", "--quiet", url, "main~1:refs/heads/main");
    const inventory = async (): Promise<string[]> => (await readdir(root, { recursive: true })).toSorted();
    const before = await inventory();
    for (const target of [url, `${server.url}/new.git`]) {
      const { status, stderr } = await local.tryGit("push", target, "main");
      expect(status).toBe(1);
      expect(stderr).toContain(
        `remote: fatal: SHA-1 appears to be part of a collision attack: ${SHATTERED.digest}`,
      );
      expect(stderr).toContain("remote unpack failed: unpack-objects abnormal exit");
      expect(stderr).toContain("! [remote rejected] main -> main (unpacker error)");
      await expect.poll(inventory).toEqual(before);
    }
  });

  it("is taken by a server that does not look for it", async () => {
    const root = join(scratch.path, "taking");
    await using server = await startServing(["--root", root, "--no-collision-detection"], headerless);
    await local.git("push", "--quiet", `${server.url}/target.git`, "main");
    await expectSound(join(root, "target.git"));
    expect(await local.git("ls-remote", `${server.url}/target.git`, "main")).toContain(
      await local.git("rev-parse", "main"),
    );
  });
});

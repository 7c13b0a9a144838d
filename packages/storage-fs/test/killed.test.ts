import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openFsStorage } from "../src/index.ts";
import { gitRefs, makeTinyPack, push } from "./git/actions.ts";
import { git, tryGit } from "@millrace/git-lab";
import { inScratch, refLines } from "./git/scratch.ts";

const CHILD = fileURLToPath(new URL("./fixtures/commit-forever.ts", import.meta.url));

test("a writer that is killed at any moment leaves a sound repository", async (ctx) => {
  if (!("typescript" in process.features)) ctx.skip("needs a Node that runs TypeScript files itself");
  await inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const directory = join(root, "r.git");
    const first = await makeTinyPack("before");
    await push(store, first, { refs: [{ name: "refs/heads/main", new: first.commit }] });
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, ["--conditions=@millrace/source", CHILD, directory], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, 30 + Math.random() * 200));
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;

      expect(await refLines(store)).toEqual(gitRefs(directory));
      const { status, stdout } = tryGit(directory, ["fsck", "--strict", "--full"]);
      expect([
        status,
        stdout.split("\n").filter((line) => line !== "" && !line.startsWith("dangling ")),
      ]).toEqual([0, []]);
      // What a crash leaves is what a crash of git leaves: locks, the successor of packed-refs, and files that git sweeps.
      for (const path of await readdir(directory, { recursive: true })) {
        if (path.endsWith(".lock") || path === "packed-refs.new") await rm(join(directory, path));
      }
      git(directory, ["gc", "--quiet", "--prune=now"]);
      expect((await readdir(join(directory, "objects"))).filter((name) => name.startsWith("tmp_"))).toEqual(
        [],
      );
      const pack = await makeTinyPack(`after ${round}`);
      const { refs } = await push(store, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }] });
      expect(refs).toEqual([undefined]);
    }
  });
});

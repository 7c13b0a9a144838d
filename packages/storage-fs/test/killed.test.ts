import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openFsRepository, openFsStorage } from "../src/index.ts";
import { gitRefs, makeTinyPack, push } from "./git/actions.ts";
import { git, tryGit } from "@millrace/git-lab";
import { inScratch, refLines } from "./git/scratch.ts";

const LOADER = fileURLToPath(new URL("../../../scripts/typescript-threads.js", import.meta.url));
const CHILD = fileURLToPath(new URL("./fixtures/commit-forever.ts", import.meta.url));

/** Has another process push to a repository, and kills it after a while. */
async function writeUntilKilled(directory: string, ...options: readonly string[]): Promise<void> {
  const program = ["--import", LOADER, "--conditions=@millrace/source", CHILD];
  const child = spawn(process.execPath, [...program, directory, ...options], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  await sleep(30 + Math.random() * 200);
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
}

test("a writer that is killed at any moment leaves a sound repository", async () => {
  await inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const directory = join(root, "r.git");
    const first = await makeTinyPack("before");
    await push(store, first, { refs: [{ name: "refs/heads/main", new: first.commit }] });
    for (let round = 0; round < 8; round++) {
      await writeUntilKilled(directory);

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

test("who is alone with a repository finds none of the locks that it had when it was killed, and leaves those of others", async () => {
  await inScratch(async (root) => {
    const directory = join(root, "r.git");
    git(root, ["init", "-q", "--bare", directory]);
    const theirs = join(directory, "refs", "heads", "theirs.lock");
    await writeFile(theirs, "somebody's\n");
    const locks = async (): Promise<string[]> =>
      (await readdir(directory, { recursive: true })).filter((path) => path.endsWith(".lock"));
    let leftCount = 0;
    for (let round = 0; round < 100 && (round < 6 || leftCount === 0); round++) {
      await writeUntilKilled(directory, "--recover");
      leftCount += (await locks()).filter((path) => !path.startsWith("millrace-locks/")).length - 1;
      const store = await openFsRepository(directory, { recoverLocks: true });
      expect(await locks()).toEqual(["refs/heads/theirs.lock"]);
      const pack = await makeTinyPack(`after ${round}`);
      const { refs } = await push(store, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }] });
      expect(refs).toEqual([undefined]);
      await store[Symbol.asyncDispose]();
    }
    expect(leftCount).toBeGreaterThan(0);
    expect(await readFile(theirs, "utf8")).toBe("somebody's\n");
    expect(await locks()).toEqual(["refs/heads/theirs.lock"]);
    await rm(theirs);
    expect(tryGit(directory, ["fsck", "--strict", "--full"]).status).toBe(0);
  });
});

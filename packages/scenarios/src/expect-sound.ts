import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect } from "vitest";
import { git, tryGit } from "./git.ts";
import type { Scratch } from "./scratch.ts";
import { openWorkTree, type WorkTree } from "./work-tree.ts";

/** Fails unless git finds nothing to say of a repository; nothing is fetched lazily for that. */
export async function expectSound(path: string): Promise<void> {
  const { status, stderr } = await tryGit(["fsck", "--strict", "--no-dangling"], {
    cwd: path,
    env: { GIT_NO_LAZY_FETCH: "1" },
  });
  expect({ status, stderr: stderr.replace(/^notice:.*\n|^Checking.*\n/gm, "") }).toEqual({
    status: 0,
    stderr: "",
  });
}

/** A clone of everything, which git finds sound. */
export async function cloneSound(url: string, scratch: Scratch): Promise<WorkTree> {
  const path = join(scratch.path, `clone-${randomBytes(4).toString("hex")}`);
  await git(["clone", "--quiet", "--mirror", url, path]);
  await expectSound(path);
  return openWorkTree(path, {});
}

import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pruneEmptyDirectories, syncDirectory } from "./files/directories.ts";
import { errnoOf, ifPresent } from "./files/fault.ts";

/** What the names of directories start with that are ours and no repositories. */
export const RESERVED = ".millrace-";
const DRAFT = `${RESERVED}draft-`;
const TRASH = `${RESERVED}trash-`;

/** Makes a directory for a repository that nobody is to see yet. */
export async function makeDraft(root: string): Promise<string> {
  await mkdir(root, { recursive: true });
  // Not mkdtemp: the repository is to have the modes that the umask gives, not those of a temporary directory.
  const path = join(root, DRAFT + randomUUID());
  await mkdir(path);
  return path;
}

/**
 * Puts a draft in its place, in one step. `false` where something is there already; an empty directory is not.
 * Directories on the way are made.
 */
export async function publishDraft(draft: string, target: string, sync: boolean): Promise<boolean> {
  for (let attempt = 0; ; attempt++) {
    try {
      await mkdir(dirname(target), { recursive: true });
      await rename(draft, target);
      if (sync) await syncDirectory(dirname(target));
      return true;
    } catch (error) {
      const code = errnoOf(error);
      if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR") return false;
      // A removal may have taken the empty parent away again.
      if (code !== "ENOENT" || attempt >= 10 || (await ifPresent(stat(draft))) === undefined) throw error;
    }
  }
}

/** Takes a repository out of sight in one step, then deletes it and the empty directories above. */
export async function discardRepository(root: string, directory: string): Promise<void> {
  const trash = join(await mkdtemp(join(root, TRASH)), "repository");
  try {
    await rename(directory, trash);
  } finally {
    await rm(dirname(trash), { recursive: true, force: true });
  }
  await pruneEmptyDirectories(dirname(directory), root);
}

/** Deletes drafts, and what removals left, in which nothing has changed for `graceMs`: their process is gone. */
export async function sweepDrafts(root: string, graceMs: number): Promise<void> {
  for (const name of (await ifPresent(readdir(root))) ?? []) {
    if (!name.startsWith(DRAFT) && !name.startsWith(TRASH)) continue;
    const path = join(root, name);
    if (Date.now() - (await newestChange(path)) < graceMs) continue;
    await rm(path, { recursive: true, force: true });
  }
}

/** When anything below this path was last changed, in milliseconds since 1970. */
async function newestChange(path: string): Promise<number> {
  const stats = await ifPresent(stat(path));
  let newest = stats?.mtimeMs ?? 0;
  if (stats?.isDirectory() !== true) return newest;
  for (const name of (await ifPresent(readdir(path))) ?? []) {
    newest = Math.max(newest, await newestChange(join(path, name)));
  }
  return newest;
}

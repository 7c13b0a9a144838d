import { open, readdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errnoOf, ifPresent } from "./fault.ts";

/** Makes the entries of a directory durable; file systems that cannot are left alone. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } catch (error) {
    const code = errnoOf(error);
    if (code !== "EINVAL" && code !== "EPERM" && code !== "EISDIR") throw error;
  } finally {
    await handle.close();
  }
}

/** Removes a directory and those above it, as long as they are empty and lie below `floor`. */
export async function pruneEmptyDirectories(path: string, floor: string): Promise<void> {
  for (let at = path; at.length > floor.length && at.startsWith(floor); at = dirname(at)) {
    if (!(await removeIfEmpty(at))) return;
  }
}

/** Removes a tree of empty directories; tells the first thing found that is none, relative to `path`, and then leaves it. */
export async function removeEmptyTree(path: string): Promise<string | undefined> {
  const entries = await ifPresent(readdir(path, { withFileTypes: true }));
  for (const entry of entries ?? []) {
    if (!entry.isDirectory()) return entry.name;
    const found = await removeEmptyTree(join(path, entry.name));
    if (found !== undefined) return `${entry.name}/${found}`;
  }
  if (entries !== undefined) await removeIfEmpty(path);
  return undefined;
}

/** Whether the directory is gone. */
async function removeIfEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT") return true;
    if (code === undefined) throw error;
    return false;
  }
}

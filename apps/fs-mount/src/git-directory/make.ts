import { randomUUID } from "node:crypto";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { openStoreCache } from "@millrace/promisor";
import { createFsRepository } from "@millrace/storage-fs";
import { MountError } from "../errors.ts";
import { borrowFromAside, putAside } from "./damage.ts";
import { configFor, findName, type GitDirectoryOptions, prepare, readPrepared } from "./prepare.ts";
import type { Prepared } from "./schema.ts";

/** What was begun so long ago and has not changed since was given up, in milliseconds. */
const GIVEN_UP_MS = 86_400_000;

/**
 * What was prepared once, as it is; else the commit that the name leads to is fetched with its root, and HEAD and the refs are
 * written: all of it aside, and put in place by one rename, so that nobody ever sees a half.
 * @throws what the place throws, PROMISOR_UNKNOWN_NAME; MountError MOUNT_SOURCE_CHANGED, of which nothing is left; MOUNT_BAD_STATE
 *   where something else lies there
 */
export async function makeGitDirectory(options: GitDirectoryOptions): Promise<Prepared> {
  const { path, requireCommit } = options;
  const there = await readPrepared(path);
  const prepared = there ?? (await makeAside(options));
  if (requireCommit !== undefined && prepared.commit !== requireCommit) {
    throw new MountError(
      "MOUNT_SOURCE_CHANGED",
      `${path} is of ${prepared.commit}, and not ${requireCommit}`,
      {
        oid: prepared.commit,
      },
    );
  }
  return prepared;
}

/** Removes what preparations have left that never came to their end and are at least so old. */
export async function sweepDrafts(path: string, ageMs: number = GIVEN_UP_MS): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(`${basename(path)}.`) || !name.endsWith(".draft")) continue;
    const stats = await stat(join(folder, name)).catch(() => undefined);
    if (stats !== undefined && Date.now() - stats.mtimeMs >= ageMs) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

async function makeAside(options: GitDirectoryOptions): Promise<Prepared> {
  const { path, place, signal } = options;
  await sweepDrafts(path);
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    const found = await findName(options);
    const store = await createFsRepository(draft, {
      objectFormat: await place.source.objectFormat({ signal }),
      head: found.branch ?? "refs/heads/main",
      config: configFor(options, found.branch),
    });
    const cache = openStoreCache(store);
    try {
      await prepare({ ...options, path: draft }, store, cache, found);
    } finally {
      await cache[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    }
    await borrowFromAside(path, draft);
    return await install(draft, path);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Gives what was prepared its place, unless somebody else was quicker. */
async function install(draft: string, path: string): Promise<Prepared> {
  for (;;) {
    const there = await readPrepared(path);
    if (there !== undefined) return there;
    // It has lost what says that it was prepared; what is in it may be somebody's all the same.
    const isEmpty = (await readdir(path).catch(() => [])).length === 0;
    if (!isEmpty) await putAside(path, { of: "git directory" });
    try {
      await rename(draft, path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
    }
  }
}

import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type RefRejection, refParents, refuse, refuseDirectory } from "@millrace/storage";
import { pruneEmptyDirectories } from "../files/directories.ts";
import { errnoOf, ifPresent } from "../files/fault.ts";
import {
  acquireLock,
  createBackoff,
  type LockFile,
  type LockMaking,
  LockTimeoutError,
} from "../files/lock-file.ts";
import type { FsRepository } from "../fs-repository.ts";
import { refBase } from "../place.ts";

/** A ref's lock, or why it could not be had. `blocked` holds the file that stands where a directory is needed. */
export type RefLock =
  | { readonly lock: LockFile; readonly refusal?: undefined; readonly blocked?: undefined }
  | { readonly lock?: undefined; readonly refusal: RefRejection; readonly blocked?: true | undefined };

/** How a ref is locked. */
export interface RefLockOptions extends LockMaking {
  /** What the ref is to become: written with the lock, which then keeps no file open. */
  readonly content?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Locks one ref. A writer of `a/b` steps back while another holds the lock of `a`, so that of two which cannot both
 * succeed one does, and none fails after its refs have begun to move.
 */
export async function lockRef(
  repository: FsRepository,
  name: string,
  { modes, notes, content, signal }: RefLockOptions,
): Promise<RefLock> {
  const base = refBase(repository.place, name);
  const { lockTimeoutMs: timeoutMs, fsync } = repository.settings;
  const options = { timeoutMs, operation: "lock_ref", signal, modes, notes, content, sync: fsync };
  const backoff = createBackoff(options);
  try {
    for (;;) {
      const lock = await acquireLock(join(base, name), options);
      const parent = await findLockedParent(base, name);
      if (parent === undefined) return { lock };
      await releaseRef(repository, name, lock);
      if (!(await backoff.wait())) throw new LockTimeoutError(join(base, `${parent}.lock`));
    }
  } catch (error) {
    if (error instanceof LockTimeoutError) return { refusal: refuse(name, "REF_LOCKED", error.message) };
    const code = errnoOf(error);
    if (code === "ENAMETOOLONG")
      return { refusal: refuse(name, "REF_NAME_INVALID", "longer than this disk takes") };
    if (code !== "ENOTDIR" && code !== "EEXIST") throw error;
    const parent = await findFileParent(base, name);
    return { refusal: refuseDirectory(name, parent ?? dirname(name)), blocked: true };
  }
}

/** Releases a ref's lock if it is still held, and removes the directories above it that are empty then; `refs/<kind>` stays, as in git. */
export async function releaseRef(repository: FsRepository, name: string, lock: LockFile): Promise<void> {
  if (await lock.release()) await pruneAbove(repository, name);
}

/** Removes the directories above a ref that are empty; `refs/<kind>` stays, as in git. */
export async function pruneAbove({ place }: FsRepository, name: string): Promise<void> {
  const base = refBase(place, name);
  await pruneEmptyDirectories(dirname(join(base, name)), join(base, ...name.split("/").slice(0, 2)));
}

/** The ref above this one that somebody has locked. With `known`, each is looked for once. */
export async function findLockedParent(
  base: string,
  name: string,
  known: Map<string, boolean> = new Map(),
): Promise<string | undefined> {
  for (const parent of refParents(name)) {
    let locked = known.get(parent);
    if (locked === undefined) {
      locked = (await ifPresent(stat(join(base, `${parent}.lock`)))) !== undefined;
      known.set(parent, locked);
    }
    if (locked) return parent;
  }
  return undefined;
}

async function findFileParent(base: string, name: string): Promise<string | undefined> {
  for (const parent of refParents(name)) {
    if ((await ifPresent(stat(join(base, parent))))?.isFile() === true) return parent;
  }
  return undefined;
}

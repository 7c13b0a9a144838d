import { readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { type CommitRequest, encodeShallow, parseShallow } from "@millrace/storage";
import { ifPresent } from "./files/fault.ts";
import { acquireLock } from "./files/lock-file.ts";
import type { FsRepository } from "./fs-repository.ts";

/** Shallow roots that are about to change, under the file's lock. */
export interface ShallowLock {
  commit(): Promise<void>;
  release(): Promise<unknown>;
}

/** The repository's shallow roots (gitrepository-layout, "shallow"). Throws `STORAGE_CORRUPT`. */
export async function readShallow({ place, objectFormat }: FsRepository): Promise<readonly Oid[]> {
  const text = await ifPresent(readFile(join(place.commonDir, "shallow"), "utf8"));
  return parseShallow(text ?? "", objectFormat);
}

/**
 * Takes the lock on the shallow file as git does and writes what the roots become; `undefined` where nothing is asked. No
 * file is left where none remain: to git an empty one still tells of a shallow repository.
 * Throws `LockTimeoutError`, `STORAGE_CORRUPT`.
 */
export async function lockShallow(
  repository: FsRepository,
  { shallow = [], unshallow = [] }: Pick<CommitRequest, "shallow" | "unshallow">,
  signal: AbortSignal | undefined,
): Promise<ShallowLock | undefined> {
  if (shallow.length + unshallow.length === 0) return undefined;
  const { lockTimeoutMs: timeoutMs, fsync } = repository.settings;
  const options = { timeoutMs, operation: "lock_shallow", signal, ...(await repository.locks()) };
  const path = join(repository.place.commonDir, "shallow");
  const lock = await acquireLock(path, options);
  try {
    const roots = new Set([...(await readShallow(repository)), ...shallow]);
    for (const oid of unshallow) roots.delete(oid);
    await lock.write(encodeShallow(roots), fsync);
    if (roots.size > 0) return lock;
    return {
      async commit() {
        await ifPresent(unlink(path));
      },
      release: () => lock.release(),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

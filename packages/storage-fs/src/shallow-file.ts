import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { encodeShallow, parseShallow } from "@millrace/storage";
import { ifPresent } from "./files/fault.ts";
import { acquireLock } from "./files/lock-file.ts";
import type { FsRepository } from "./fs-repository.ts";

/** Shallow roots that are about to be added, under the file's lock. */
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
 * Takes the lock on the shallow file as git does and writes the roots beside those that are there; `undefined` where
 * there are none to add. Throws `LockTimeoutError`, `STORAGE_CORRUPT`.
 */
export async function lockShallow(
  repository: FsRepository,
  roots: readonly Oid[],
  signal: AbortSignal | undefined,
): Promise<ShallowLock | undefined> {
  if (roots.length === 0) return undefined;
  const { lockTimeoutMs: timeoutMs, fsync } = repository.settings;
  const options = { timeoutMs, operation: "lock_shallow", signal, modes: await repository.modes() };
  const lock = await acquireLock(join(repository.place.commonDir, "shallow"), options);
  try {
    await lock.write(encodeShallow([...(await readShallow(repository)), ...roots]), fsync);
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

import { badSymref, type SymrefUpdate } from "@millrace/storage";
import { acquireLock, type LockFile, LockTimeoutError } from "../files/lock-file.ts";
import { type FsRepository, readPackedRefs } from "../fs-repository.ts";
import { refPath } from "../place.ts";
import { lockRef, releaseRef } from "./lock-ref.ts";
import { findConflict } from "./ref-change.ts";

/** Symbolic refs, locked and written beside their places. */
export interface SymrefLocks {
  commit(): Promise<void>;
  release(): Promise<void>;
}

/** Locks and writes symbolic refs. Throws `LockTimeoutError`; `STORAGE_BAD_NAME` where a ref is in the way of one. */
export async function lockSymrefs(
  repository: FsRepository,
  symrefs: readonly SymrefUpdate[],
  signal: AbortSignal | undefined,
): Promise<SymrefLocks> {
  const { settings } = repository;
  const locks: { readonly name: string; readonly lock: LockFile }[] = [];
  const release = async (): Promise<void> => {
    for (const { name, lock } of locks.splice(0)) {
      if (name === "HEAD") await lock.release();
      else await releaseRef(repository, name, lock);
    }
  };
  try {
    for (const symref of symrefs) {
      const lock = await lockOne(repository, symref, signal);
      locks.push({ name: symref.name, lock });
      const conflict =
        symref.name === "HEAD"
          ? undefined
          : await findConflict(repository, symref.name, undefined, await readPackedRefs(repository));
      if (conflict !== undefined) throw badSymref(symref, `cannot exist beside ${conflict}`);
      await lock.write(`ref: ${symref.target}\n`, settings.fsync);
    }
  } catch (error) {
    await release();
    throw error;
  }
  return {
    async commit() {
      for (const { lock } of locks) await lock.commit();
    },
    release,
  };
}

async function lockOne(
  repository: FsRepository,
  symref: SymrefUpdate,
  signal: AbortSignal | undefined,
): Promise<LockFile> {
  const { name } = symref;
  if (name === "HEAD") {
    const { lockTimeoutMs: timeoutMs } = repository.settings;
    const options = { timeoutMs, operation: "lock_ref", signal, ...(await repository.locks()) };
    return acquireLock(refPath(repository.place, name), options);
  }
  const { lock, refusal } = await lockRef(repository, name, { ...(await repository.locks()), signal });
  if (lock !== undefined) return lock;
  if (refusal.code !== "REF_LOCKED") throw badSymref(symref, refusal.message);
  throw new LockTimeoutError(`${refPath(repository.place, name)}.lock`);
}

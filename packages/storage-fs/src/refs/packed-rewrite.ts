import { open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent } from "../files/fault.ts";
import { acquireLock } from "../files/lock-file.ts";
import { type FsRepository, readPackedRefs } from "../fs-repository.ts";

/** The `packed-refs` file, locked, with its successor written beside it. */
export interface PackedRewrite {
  /** Puts the successor in place. The lock stays, so that nobody packs the refs whose loose files are still to go. */
  commit(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Locks `packed-refs` and writes it anew without these refs, beside the old one, under the names git uses.
 * Throws `LockTimeoutError`.
 */
export async function preparePackedDeletion(
  repository: FsRepository,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<PackedRewrite> {
  const { place, settings } = repository;
  const path = join(place.commonDir, "packed-refs");
  const successor = `${path}.new`;
  const making = await repository.locks();
  const lock = await acquireLock(path, {
    timeoutMs: settings.packedRefsTimeoutMs,
    operation: "lock_packed_refs",
    signal,
    ...making,
  });
  let written = false;
  const release = async (): Promise<void> => {
    try {
      if (written) await ifPresent(unlink(successor));
    } finally {
      await lock.release();
    }
  };
  try {
    const rest = (await readPackedRefs(repository))?.without(names);
    if (rest !== undefined) {
      written = true;
      await writeSynced(successor, rest, settings.fsync);
      await making.modes.adjust(successor);
    }
  } catch (error) {
    await release();
    throw error;
  }
  return {
    async commit() {
      if (written) await rename(successor, path);
      written = false;
    },
    release,
  };
}

/** The lock is ours, so a file of this name is what a crashed writer left. */
async function writeSynced(path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  const handle = await open(path, "w", 0o666);
  try {
    await handle.writeFile(bytes);
    if (sync) await handle.sync();
  } finally {
    await handle.close();
  }
}

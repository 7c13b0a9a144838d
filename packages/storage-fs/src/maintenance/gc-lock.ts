import { readFile, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { StorageError } from "@millrace/storage";
import { errnoOf, ifPresent } from "../files/fault.ts";
import { tryLock } from "../files/lock-file.ts";
import type { FsRepository } from "../fs-repository.ts";

/** The file that says who collects garbage: `git gc` and we look at it, and never run at once (git-gc). */
export interface GcLock {
  /** When it was taken, by the file system's clock, in milliseconds since 1970. */
  readonly takenMs: number;
  release(): Promise<void>;
}

/** A file that is older was left by a process that has crashed, as git has it. */
const STALE_MS = 12 * 60 * 60 * 1000;

/** Takes `gc.pid`. Throws `STORAGE_BUSY` where a process that may be alive has it. */
export async function takeGcLock(repository: FsRepository): Promise<GcLock> {
  const path = join(repository.place.commonDir, "gc.pid");
  const busy = (who: string): StorageError =>
    new StorageError("STORAGE_BUSY", `garbage is being collected ${who}`, { key: path });
  const lock = await tryLock(path, await repository.locks());
  if (lock === undefined) throw busy("by somebody who has just begun");
  try {
    const owner = await readOwner(path);
    if (owner !== undefined) throw busy(`by process ${owner}`);
    await lock.write(`${process.pid} ${hostname()}`, false);
    await lock.commit();
  } finally {
    await lock.release();
  }
  const { mtimeMs } = await stat(path);
  return {
    takenMs: mtimeMs,
    async release() {
      await ifPresent(unlink(path));
    },
  };
}

/** Who holds the file, as far as can be told; `undefined`: nobody who still lives. */
async function readOwner(path: string): Promise<string | undefined> {
  const stats = await ifPresent(stat(path));
  if (stats === undefined || Date.now() - stats.mtimeMs > STALE_MS) return undefined;
  const [, pid, host] = /^(\d+) (\S+)/.exec((await ifPresent(readFile(path, "latin1"))) ?? "") ?? [];
  if (pid === undefined || host === undefined) return undefined;
  return host !== hostname() || isAlive(Number(pid)) ? `${pid} on ${host}` : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}

import type { Stats } from "node:fs";
import { link, lstat, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { MountError } from "../errors.ts";

/** The second name of a lock of ours, which tells it from anybody else's. */
const NOTE = "millrace-index-lock";
/** What disks say that know no second name of a file. */
const WITHOUT_LINKS: ReadonlySet<string | undefined> = new Set(["EPERM", "ENOTSUP", "ENOSYS"]);

/** git's lock of the index, in a git directory that others work with, too: theirs is left alone, and ours is known after a kill. */
export class IndexLock {
  readonly #path: string;
  /** Whether the disk knows second names. */
  readonly #isNoted: boolean;

  private constructor(path: string, isNoted: boolean) {
    this.#path = path;
    this.#isNoted = isNoted;
  }

  /**
   * Takes the lock.
   * @throws MountError MOUNT_PREPARED_REFUSED where somebody has it; what the disk says
   */
  static async take(path: string): Promise<IndexLock> {
    const note = join(path, NOTE);
    const lock = join(path, "index.lock");
    await (await open(note, "w", 0o600)).close();
    try {
      await link(note, lock);
    } catch (error) {
      await rm(note);
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EEXIST") throw taken(lock);
      if (!WITHOUT_LINKS.has(code)) throw error;
      const made = await open(lock, "wx", 0o600).catch((cause: NodeJS.ErrnoException) => {
        throw cause.code === "EEXIST" ? taken(lock) : cause;
      });
      await made.close();
      return new IndexLock(path, false);
    }
    return new IndexLock(path, true);
  }

  /** Whether a mount that was killed has left a lock of ours, and nobody has taken it away. */
  static async isLeft(path: string): Promise<boolean> {
    const [note, lock] = await Promise.all([lstatOf(join(path, NOTE)), lstatOf(join(path, "index.lock"))]);
    return note !== undefined && lock !== undefined && note.ino === lock.ino && note.dev === lock.dev;
  }

  /** Takes away what a mount that was killed has left. */
  static async sweep(path: string): Promise<void> {
    if (await IndexLock.isLeft(path)) await rm(join(path, "index.lock"), { force: true });
    await rm(join(path, NOTE), { force: true });
  }

  /** Gives up the lock. */
  async release(): Promise<void> {
    if (this.#isNoted) await IndexLock.sweep(this.#path);
    else await rm(join(this.#path, "index.lock"), { force: true });
  }

  /** The lock has become the index. */
  async forget(): Promise<void> {
    await rm(join(this.#path, NOTE), { force: true });
  }
}

async function lstatOf(file: string): Promise<Stats | undefined> {
  return await lstat(file).catch(() => undefined);
}

function taken(lock: string): MountError {
  const why = `${lock} is there: somebody's git is at work, or was killed`;
  return new MountError("MOUNT_PREPARED_REFUSED", why);
}

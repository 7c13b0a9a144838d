import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type LockNotes, openLockNotes } from "@millrace/storage-fs";
import { MountError } from "../errors.ts";

/** git's lock of the index, in a git directory that others work with, too: theirs is left alone, and ours is known after a kill. */
export class IndexLock {
  readonly #notes: LockNotes;
  readonly #file: string;
  /** Whether the disk knows second names. */
  readonly #isNoted: boolean;

  private constructor(notes: LockNotes, file: string, isNoted: boolean) {
    this.#notes = notes;
    this.#file = file;
    this.#isNoted = isNoted;
  }

  /**
   * Takes the lock.
   * @throws MountError MOUNT_PREPARED_REFUSED where somebody has it; what the disk says
   */
  static async take(path: string): Promise<IndexLock> {
    const notes = openLockNotes(path);
    const file = fileOf(path);
    try {
      await (await notes.make(file)).close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const why = `${file} is there: somebody's git is at work, or was killed`;
      throw new MountError("MOUNT_PREPARED_REFUSED", why);
    }
    return new IndexLock(notes, file, await notes.has(file));
  }

  /** Whether a mount that was killed has left a lock of ours, and nobody has taken it away. */
  static async isLeft(path: string): Promise<boolean> {
    return await openLockNotes(path).has(fileOf(path));
  }

  /** Gives up the lock. One that somebody has put in its place is theirs. */
  async release(): Promise<void> {
    if (!this.#isNoted || (await this.#notes.has(this.#file))) await rm(this.#file, { force: true });
    await this.forget();
  }

  /** The lock has become the index. */
  async forget(): Promise<void> {
    await this.#notes.forget(this.#file);
  }
}

function fileOf(path: string): string {
  return join(path, "index.lock");
}

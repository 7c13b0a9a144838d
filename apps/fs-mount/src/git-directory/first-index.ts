import { rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { IndexLock } from "./index-lock.ts";

/**
 * The place of git's index where there is none yet, under git's lock: to a command that came before, all files would be removed
 * ones, and what it staged would be all there is. Commands that write say meanwhile that `index.lock` exists.
 */
export class FirstIndex {
  readonly #file: string;
  /** Where others may have locked it. */
  readonly #lock: IndexLock | undefined;
  #isHeld = true;

  /** Whether the lock is held, and there is no index yet. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  private constructor(file: string, lock: IndexLock | undefined) {
    this.#file = file;
    this.#lock = lock;
  }

  /**
   * Takes the lock; answers `undefined` where there is an index. In a git directory of ours nobody else works: a lock that is there
   * was left by a process that was killed.
   * @param isOurs whether it is one
   * @throws as `IndexLock.take`, where it is not
   */
  static async hold(gitDirectory: string, isOurs: boolean): Promise<FirstIndex | undefined> {
    const file = join(gitDirectory, "index");
    if ((await stat(file).catch(() => undefined)) !== undefined) return undefined;
    const lock = isOurs ? undefined : await IndexLock.take(gitDirectory);
    if (isOurs) await writeFile(`${file}.lock`, "");
    return new FirstIndex(file, lock);
  }

  /** Puts the index there, and gives up the lock. */
  async write(content: Iterable<Uint8Array>): Promise<void> {
    await writeFile(`${this.#file}.lock`, content);
    await rename(`${this.#file}.lock`, this.#file);
    this.#isHeld = false;
    await this.#lock?.forget();
  }

  /** Gives up the lock, without an index where none was written. */
  async release(): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (this.#lock === undefined) await rm(`${this.#file}.lock`, { force: true });
    else await this.#lock.release();
  }
}

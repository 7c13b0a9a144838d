import { rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The place of git's index where there is none yet, under git's lock: to a command that came before, all files would be removed
 * ones, and what it staged would be all there is. Commands that write say meanwhile that `index.lock` exists.
 */
export class FirstIndex {
  readonly #file: string;
  #isHeld = true;

  /** Whether the lock is held, and there is no index yet. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * Takes the lock; answers `undefined` where there is an index. Nobody else may work with the git directory: a lock that is
   * there was left by a process that was killed.
   */
  static async hold(gitDirectory: string): Promise<FirstIndex | undefined> {
    const file = join(gitDirectory, "index");
    if ((await stat(file).catch(() => undefined)) !== undefined) return undefined;
    await writeFile(`${file}.lock`, "");
    return new FirstIndex(file);
  }

  /** Puts the index there, and gives up the lock. */
  async write(content: Iterable<Uint8Array>): Promise<void> {
    await writeFile(`${this.#file}.lock`, content);
    await rename(`${this.#file}.lock`, this.#file);
    this.#isHeld = false;
  }

  /** Gives up the lock, without an index where none was written. */
  async release(): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    await rm(`${this.#file}.lock`, { force: true });
  }
}

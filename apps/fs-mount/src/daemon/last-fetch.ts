import { stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** When the remote repository was last looked at with success: the time of a file, which is there after a restart, too. */
export class LastFetch {
  readonly #file: string;

  /** @param folder that of the repository's state */
  constructor(folder: string) {
    this.#file = join(folder, "fetched");
  }

  async time(): Promise<Date | undefined> {
    return (await stat(this.#file).catch(() => undefined))?.mtime;
  }

  /** It is now. What the disk says counts for nothing. */
  async note(): Promise<void> {
    const now = new Date();
    try {
      await utimes(this.#file, now, now);
    } catch {
      await writeFile(this.#file, "").catch(() => undefined);
    }
  }
}

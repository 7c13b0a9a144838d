import { Errno, OPENED, type Opened } from "@millrace/fuse";
import type { OpenFile } from "../../view/view.ts";

/** A file that the kernel has open. */
interface OpenedFile {
  readonly file: OpenFile;
  /** Opened with O_APPEND: what is written goes behind what is there. */
  readonly isAppending: boolean;
}

const O_APPEND = 0o2000;

/** The files that the kernel has open, by handle. */
export class OpenFiles {
  readonly #files = new Map<number, OpenedFile>();
  #lastHandle = 0;

  /** @param flags those of open(2) */
  add(file: OpenFile, flags: number): Opened {
    this.#files.set(++this.#lastHandle, { file, isAppending: (flags & O_APPEND) !== 0 });
    // All that changes a content passes through the kernel, whose pages stay right.
    return { handle: this.#lastHandle, flags: OPENED.KEEP_CACHE };
  }

  get(handle: number): OpenedFile {
    const opened = this.#files.get(handle);
    if (opened === undefined) throw new Errno("EBADF");
    return opened;
  }

  close(handle: number): void {
    this.#files.get(handle)?.file.close();
    this.#files.delete(handle);
  }

  closeAll(): void {
    for (const handle of this.#files.keys()) this.close(handle);
  }
}

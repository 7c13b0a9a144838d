import { Errno } from "../errno.ts";
import type { Content } from "./content.ts";

/** Bytes of the largest file. */
export const MAX_FILE_BYTES: number = 2 ** 44;

/** What the contents of all files take, and may take together. */
export class Space {
  readonly maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get freeBytes(): number {
    return Math.max(0, this.maxBytes - this.#usedBytes);
  }

  /** Whether a range may be filled. @throws Errno EFBIG, ENOSPC */
  check(content: Content, offset: number, length: number): void {
    if (offset + length > MAX_FILE_BYTES) throw new Errno("EFBIG");
    // By the range's own length first: a count of its blocks takes as long as it is.
    if (length > this.maxBytes || this.#usedBytes + content.missing(offset, length) > this.maxBytes)
      throw new Errno("ENOSPC");
  }

  /** Changes a content, and counts what it takes then. */
  count(content: Content, change: () => void): void {
    const before = content.storedBytes;
    change();
    this.#usedBytes += content.storedBytes - before;
  }

  /** A content is gone. */
  drop(content: Content | undefined): void {
    this.#usedBytes -= content?.storedBytes ?? 0;
  }
}

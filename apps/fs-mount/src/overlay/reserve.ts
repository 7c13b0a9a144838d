import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Enough for the records of thousands of removals. */
const RESERVE_BYTES = 256 << 10;

/**
 * Room on the disk that nobody uses, so that on a full one there is some for what makes room: a removal has to be written down, too.
 */
export class Reserve {
  readonly #path: string;
  #isFull = false;

  constructor(folder: string) {
    this.#path = join(folder, "reserve");
    this.fill();
  }

  /** Takes the room, where the disk has it. */
  fill(): void {
    if (this.#isFull) return;
    try {
      const fd = openSync(this.#path, "w", 0o600);
      try {
        // What is all zeros may take no room.
        const bytes = Buffer.alloc(RESERVE_BYTES, "kept for removals\n");
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
        this.#isFull = true;
      } finally {
        closeSync(fd);
      }
    } catch {
      // Another time.
      this.#remove();
    }
  }

  /** Gives the room back. Answers whether there was any. */
  release(): boolean {
    const wasFull = this.#isFull;
    this.#isFull = false;
    this.#remove();
    return wasFull;
  }

  #remove(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // It stays, and is filled another time.
    }
  }
}

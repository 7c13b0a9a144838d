import { createHasher } from "../hash.ts";
import type { ObjectFormat } from "../schema.ts";

/** Bytes of a pack on its way out: cut into chunks, hashed as they leave. */
export interface PackOutput {
  /** Bytes appended so far: where the next entry starts. */
  readonly position: number;
  /** Copies `source[start..end]` behind what is there. */
  append(source: Uint8Array, start: number, end: number): void;
  /** The next full chunk, which then belongs to the caller. */
  take(): Uint8Array | undefined;
  /** Appends the trailer (the hash over everything before) and makes the rest takeable. */
  finish(): void;
}

/** Makes an output that cuts chunks of `chunkBytes`. */
export function createPackOutput(format: ObjectFormat, chunkBytes: number): PackOutput {
  const hasher = createHasher(format);
  const full: Uint8Array[] = [];
  let taken = 0;
  let current: Uint8Array = new Uint8Array(chunkBytes);
  let used = 0;
  let position = 0;

  function add(source: Uint8Array, start: number, end: number, hash: boolean): void {
    position += end - start;
    for (let at = start; at < end; ) {
      const length = Math.min(end - at, chunkBytes - used);
      current.set(source.subarray(at, at + length), used);
      used += length;
      at += length;
      if (used === chunkBytes) {
        if (hash) hasher.update(current);
        full.push(current);
        current = new Uint8Array(chunkBytes);
        used = 0;
      }
    }
  }

  return {
    get position() {
      return position;
    },
    append(source, start, end) {
      add(source, start, end, true);
    },
    take() {
      if (taken < full.length) return full[taken++];
      full.length = 0;
      taken = 0;
      return undefined;
    },
    finish() {
      hasher.update(current.subarray(0, used));
      const trailer = hasher.digest();
      add(trailer, 0, trailer.length, false);
      if (used > 0) full.push(current.slice(0, used));
      used = 0;
    },
  };
}

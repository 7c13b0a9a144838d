import { readSync } from "node:fs";
import { createBlockCache } from "../cache/block-cache.ts";
import { PackError } from "../errors.ts";
import type { RandomAccess } from "../random-access.ts";

/** Reads packed bytes of entries back from where they were spooled. */
export interface PackedBytes {
  /** `length` bytes at `offset`, valid until the next read; synchronous where they are at hand. Throws PACK_TRUNCATED. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
  release(): void;
}

const CACHE_BYTES = 16 * 1024 * 1024;
/** Entries that are longer are read past the cache. */
const LARGE_BYTES = 1024 * 1024;

/** Reads through a sink's `RandomAccess`. */
export function packedBytesOf(stored: RandomAccess, signal: AbortSignal | undefined): PackedBytes {
  const blocks = createBlockCache({ budgetBytes: CACHE_BYTES }).attach(stored);
  const checked = (offset: number, length: number, bytes: Uint8Array): Uint8Array => {
    if (bytes.length === length) return bytes;
    throw cutOff(offset);
  };
  return {
    read(offset, length) {
      if (length > LARGE_BYTES) {
        return stored.read(offset, length, { signal }).then((bytes) => checked(offset, length, bytes));
      }
      return (
        blocks.tryRead(offset, length) ??
        blocks.read(offset, length, { signal }).then((bytes) => checked(offset, length, bytes))
      );
    },
    release: () => blocks.release(),
  };
}

const WINDOW_BYTES = 16 * 1024;
const WINDOWS = 128;

/**
 * Reads a file in windows of 16 KiB, of which 128 are remembered by their place, so that neighbours cost no call of
 * the system. For threads that may wait.
 */
export function packedBytesOfFile(fd: number): PackedBytes {
  const windows: Uint8Array[] = [];
  const places = new Float64Array(WINDOWS).fill(-1);
  const filled = new Uint32Array(WINDOWS);
  let joined = new Uint8Array(WINDOW_BYTES * 2);

  function windowAt(number: number): Uint8Array {
    const slot = number % WINDOWS;
    windows[slot] ??= new Uint8Array(WINDOW_BYTES);
    const window = windows[slot];
    if (places[slot] !== number) {
      places[slot] = -1;
      filled[slot] = readFully(fd, window, WINDOW_BYTES, number * WINDOW_BYTES);
      places[slot] = number;
    }
    return window.subarray(0, filled[slot]);
  }

  return {
    read(offset, length) {
      const first = Math.floor(offset / WINDOW_BYTES);
      const at = offset - first * WINDOW_BYTES;
      if (at + length <= WINDOW_BYTES) {
        const window = windowAt(first);
        if (at + length > window.length) throw cutOff(offset);
        return window.subarray(at, at + length);
      }
      if (joined.length < length) joined = new Uint8Array(length * 2);
      if (length > 4 * WINDOW_BYTES) {
        if (readFully(fd, joined, length, offset) < length) throw cutOff(offset);
        return joined.subarray(0, length);
      }
      for (let done = 0; done < length; ) {
        const number = Math.floor((offset + done) / WINDOW_BYTES);
        const from = offset + done - number * WINDOW_BYTES;
        const part = windowAt(number).subarray(from, from + length - done);
        if (part.length === 0) throw cutOff(offset);
        joined.set(part, done);
        done += part.length;
      }
      return joined.subarray(0, length);
    },
    release() {
      windows.length = 0;
      places.fill(-1);
    },
  };
}

/** Reads until `length` bytes are there or the file ends; answers how many there are. */
function readFully(fd: number, target: Uint8Array, length: number, offset: number): number {
  let done = 0;
  while (done < length) {
    const count = readSync(fd, target, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

function cutOff(offset: number): PackError {
  return new PackError("PACK_TRUNCATED", "the stored pack is shorter than what was written", { offset });
}

import type { FileHandle } from "node:fs/promises";

/** Small writes are joined up to this size. */
const JOINED_BYTES = 256 * 1024;

/** A file that grows at its end and can be read meanwhile. */
export interface StagedFile {
  /** Bytes appended so far, joined ones included. */
  readonly sizeBytes: number;
  /** Appends; the bytes are the caller's again when it settles. */
  append(bytes: Uint8Array): Promise<void>;
  /** Writes out what is joined. */
  flush(): Promise<void>;
  /** Writes over what is there, at an offset. */
  overwrite(bytes: Uint8Array, offset: number): Promise<void>;
}

/** Appends to an open file, which stays the caller's to close. */
export function createStagedFile(handle: FileHandle): StagedFile {
  const joined = Buffer.allocUnsafe(JOINED_BYTES);
  let pending = 0;
  let written = 0;

  const writeAt = async (bytes: Uint8Array, offset: number): Promise<void> => {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
      done += bytesWritten;
    }
  };

  const flush = async (): Promise<void> => {
    if (pending === 0) return;
    await writeAt(joined.subarray(0, pending), written);
    written += pending;
    pending = 0;
  };

  return {
    get sizeBytes() {
      return written + pending;
    },
    async append(bytes) {
      if (pending + bytes.length > JOINED_BYTES) await flush();
      if (bytes.length >= JOINED_BYTES / 2) {
        await flush();
        await writeAt(bytes, written);
        written += bytes.length;
      } else {
        joined.set(bytes, pending);
        pending += bytes.length;
      }
    },
    flush,
    async overwrite(bytes, offset) {
      await flush();
      await writeAt(bytes, offset);
    },
  };
}

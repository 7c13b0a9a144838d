import type { FileHandle } from "node:fs/promises";
import type { OperationOptions, RandomAccess } from "@millrace/pack";
import { StorageError } from "@millrace/storage";
import { guarded } from "./fault.ts";

/** Random access to the first `sizeBytes` bytes of an open file; the handle stays the caller's. */
export function readFrom(handle: FileHandle, sizeBytes: number, key: string): RandomAccess {
  return {
    sizeBytes,
    async read(offset: number, length: number, { signal }: OperationOptions = {}) {
      signal?.throwIfAborted();
      const bytes = new Uint8Array(Math.max(0, Math.min(length, sizeBytes - offset)));
      let filled = 0;
      while (filled < bytes.length) {
        const at = filled;
        const { bytesRead } = await guarded(key, () =>
          handle.read(bytes, at, bytes.length - at, offset + at),
        );
        if (bytesRead === 0) throw new StorageError("STORAGE_CORRUPT", `${key} has become shorter`, { key });
        filled += bytesRead;
      }
      signal?.throwIfAborted();
      return bytes;
    },
  };
}

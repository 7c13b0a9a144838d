import type { FileHandle } from "node:fs/promises";
import { clipTargets, dropFirst, type OperationOptions, type RandomAccess, roomOf } from "@millrace/pack";
import { StorageError } from "@millrace/storage";
import { guarded } from "./fault.ts";

/** Random access to the first `sizeBytes` bytes of an open file; the handle stays the caller's. */
export function readFrom(handle: FileHandle, sizeBytes: number, key: string): Required<RandomAccess> {
  const readInto = async (
    targets: readonly Uint8Array[],
    offset: number,
    { signal }: OperationOptions = {},
  ): Promise<number> => {
    signal?.throwIfAborted();
    let left = clipTargets(targets, sizeBytes - offset);
    const wanted = roomOf(left);
    for (let filled = 0; filled < wanted; ) {
      const { bytesRead } = await guarded(key, () => handle.readv(left, offset + filled));
      if (bytesRead === 0) throw new StorageError("STORAGE_CORRUPT", `${key} has become shorter`, { key });
      filled += bytesRead;
      if (filled < wanted) left = dropFirst(left, bytesRead);
    }
    signal?.throwIfAborted();
    return wanted;
  };
  return {
    sizeBytes,
    fd: handle.fd,
    readInto,
    async read(offset: number, length: number, options: OperationOptions = {}) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, sizeBytes - offset)));
      await readInto([bytes], offset, options);
      return bytes;
    },
  };
}

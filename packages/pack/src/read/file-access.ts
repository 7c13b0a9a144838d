import { readSync } from "node:fs";
import { PackError } from "../errors.ts";
import type { RandomAccess } from "../random-access.ts";

/** Random access to an open file, for threads that may wait: every read is done at once. */
export function fileAccess(fd: number, sizeBytes: number): RandomAccess {
  return {
    sizeBytes,
    fd,
    async read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, sizeBytes - offset)));
      for (let filled = 0; filled < bytes.length; ) {
        const read = readSync(fd, bytes, filled, bytes.length - filled, offset + filled);
        if (read === 0)
          throw new PackError("PACK_TRUNCATED", "the stored pack has become shorter", { offset });
        filled += read;
      }
      return bytes;
    },
  };
}

import type { PackSink, RandomAccess } from "@millrace/pack";

/** Keeps a pack in memory while it is taken apart; `drop` lets it go. */
export function createMemorySink(): PackSink & { drop(): void } {
  let bytes = Buffer.alloc(64 * 1024);
  let used = 0;
  return {
    write(chunk) {
      if (used + chunk.length > bytes.length) {
        const larger = Buffer.alloc(Math.max(2 * bytes.length, used + chunk.length));
        larger.set(bytes.subarray(0, used));
        bytes = larger;
      }
      bytes.set(chunk, used);
      used += chunk.length;
      return Promise.resolve();
    },
    open() {
      const access: RandomAccess = {
        sizeBytes: used,
        read: (offset, length) => Promise.resolve(bytes.slice(offset, Math.min(used, offset + length))),
      };
      return Promise.resolve(access);
    },
    drop() {
      bytes = Buffer.alloc(0);
      used = 0;
    },
  };
}

import { createBlockCache } from "../cache/block-cache.ts";
import { PackError } from "../errors.ts";
import { inflateWhole } from "../inflate/inflate-whole.ts";
import type { RandomAccess } from "../random-access.ts";
import { corrupt } from "../read/entry-source.ts";
import type { EntryTable } from "./entry-table.ts";

/** Reads entries of a pack back from where they were spooled. */
export interface StoredEntries {
  /** The inflated content of an entry, owned by the caller; synchronous where its packed bytes are at hand. */
  inflate(entry: number): Uint8Array | Promise<Uint8Array>;
  release(): void;
}

const CACHE_BYTES = 16 * 1024 * 1024;
/** Entries that are longer are read past the cache. */
const LARGE_PACKED_BYTES = 1024 * 1024;

/** Opens the entries of `table` in `stored`. Inflating throws PACK_CORRUPT, PACK_LIMIT_EXCEEDED over `maxBytes`. */
export function openStoredEntries(
  table: EntryTable,
  stored: RandomAccess,
  maxBytes: number,
  signal: AbortSignal | undefined,
): StoredEntries {
  const blocks = createBlockCache({ budgetBytes: CACHE_BYTES }).attach(stored);

  function inflateBytes(entry: number, packed: Uint8Array): Uint8Array {
    const inflated = inflateWhole(packed, 0, table.sizes[entry]!);
    if (inflated === "truncated") throw corrupt(table.offsets[entry]!, "its stored bytes have changed");
    return inflated.content;
  }

  return {
    inflate(entry) {
      const sizeBytes = table.sizes[entry]!;
      const offset = table.offsets[entry]!;
      if (sizeBytes > maxBytes) {
        throw new PackError("PACK_LIMIT_EXCEEDED", `a delta's base of ${sizeBytes} bytes is over the limit`, {
          offset,
        });
      }
      const start = offset + table.headerBytes[entry]!;
      const length = table.endOffset(entry) - start;
      if (length > LARGE_PACKED_BYTES) {
        return stored.read(start, length, { signal }).then((bytes) => inflateBytes(entry, bytes));
      }
      const atHand = blocks.tryRead(start, length);
      if (atHand !== undefined) return inflateBytes(entry, atHand);
      return blocks.read(start, length, { signal }).then((bytes) => inflateBytes(entry, bytes));
    },
    release: () => blocks.release(),
  };
}

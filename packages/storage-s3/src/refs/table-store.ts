import { type ByteCache, createByteCache, type ObjectFormat, type OperationOptions } from "@millrace/pack";
import { StorageError } from "@millrace/storage";
import { type OpenTable, openTable, type TableBlock } from "@millrace/storage/reftable";
import type { FileStore } from "../files/file-store.ts";
import type { Keys } from "../keys.ts";
import type { StoredTable } from "../manifest/schema.ts";

/** Opens tables of refs, and remembers of them what is read often. */
export interface TableStore {
  /** Throws `STORAGE_NOT_FOUND` and `STORAGE_CORRUPT` with the file's key. */
  open(table: StoredTable, format: ObjectFormat, options?: OperationOptions): Promise<OpenTable>;
}

/** Tables up to this size are kept in memory whole. */
const SMALL_BYTES = 1024 * 1024;
/** What the first read of a larger one takes from its end, where its indexes lie. */
const TAIL_BYTES = 256 * 1024;
const TABLES_BYTES = 16 * 1024 * 1024;
/** Of larger tables the blocks that lookups met are kept. */
const BLOCKS_BYTES = 8 * 1024 * 1024;
/** Tables up to this size, some 300,000 refs, are asked for whole at once: none of their ranges waits for another one. */
const WHOLE_BYTES = 16 * 1024 * 1024;

export function createTableStore(files: FileStore, keys: Keys): TableStore {
  const opened = createByteCache<string, OpenTable>({
    budgetBytes: TABLES_BYTES,
    largestBytes: SMALL_BYTES,
  });
  const blocks = createByteCache<string, TableBlock>({ budgetBytes: BLOCKS_BYTES });

  return {
    async open(stored, format, { signal } = {}) {
      signal?.throwIfAborted();
      const { key, sizeBytes } = stored;
      // Keys are never used again: the table of this one is this table.
      const known = opened.get(key);
      if (known !== undefined) return known;
      const isSmall = sizeBytes <= SMALL_BYTES;
      if (!isSmall) files.prefetch(stored, 0, Math.min(sizeBytes, WHOLE_BYTES));
      const source = files.open(stored, 0, sizeBytes);
      const table = await openTable(source, {
        key: keys.file(key),
        tailBytes: isSmall ? sizeBytes : TAIL_BYTES,
        cache: isSmall ? undefined : blocksOf(blocks, key),
        signal,
      });
      if (table.format !== format) {
        const message = `${keys.file(key)}: a table of ${table.format}`;
        throw new StorageError("STORAGE_CORRUPT", message, { key: keys.file(key) });
      }
      opened.set(key, table, isSmall ? sizeBytes : TAIL_BYTES);
      return table;
    },
  };
}

/** The part of a cache that has the blocks of one table. */
function blocksOf(
  blocks: ByteCache<string, TableBlock>,
  key: string,
): Pick<ByteCache<number, TableBlock>, "get" | "set"> {
  return {
    get: (position) => blocks.get(`${key}#${position}`),
    set: (position, block, bytes) => blocks.set(`${key}#${position}`, block, bytes),
  };
}

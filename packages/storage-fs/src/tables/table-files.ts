import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { type ByteCache, createByteCache, type ObjectFormat, type RandomAccess } from "@millrace/pack";
import { StorageError } from "@millrace/storage";
import {
  mergeTables,
  type OpenTable,
  openTable,
  type RefRecords,
  type TableBlock,
} from "@millrace/storage/reftable";
import { createCachedFile } from "../files/cached-file.ts";
import { ifPresent } from "../files/fault.ts";
import { readFrom } from "../files/random-access-file.ts";

/** One table of a stack. */
export interface StackTable {
  readonly name: string;
  readonly table: OpenTable;
}

/** A stack of tables as one list has it; its tables stay readable when they are compacted away meanwhile. */
export interface OpenStack extends AsyncDisposable {
  /** Oldest first. */
  readonly tables: readonly StackTable[];
  /** All of them as one. */
  readonly merged: RefRecords;
}

/** Opens the stacks of a repository, and remembers of their tables what is read often. */
export interface TableFiles {
  /** The stack below a git directory as it is now; `undefined` where there is none. Throws `STORAGE_CORRUPT`. */
  open(gitDir: string): Promise<OpenStack | undefined>;
}

/** Tables up to this size are kept in memory whole. */
const SMALL_BYTES = 1024 * 1024;
const SMALL_TABLES_BYTES = 8 * 1024 * 1024;
/** Of larger tables the blocks that lookups met are kept. */
const BLOCKS_BYTES = 8 * 1024 * 1024;

/** Where the list of tables lies, and its lock beside it. */
export function tableListPath(gitDir: string): string {
  return join(gitDir, "reftable", "tables.list");
}

export function createTableFiles(format: ObjectFormat): TableFiles {
  const lists = new Map<string, ReturnType<typeof createCachedFile<readonly string[]>>>();
  const small = createByteCache<string, OpenTable>({
    budgetBytes: SMALL_TABLES_BYTES,
    largestBytes: SMALL_BYTES,
  });
  const blocks = createByteCache<number, TableBlock>({ budgetBytes: BLOCKS_BYTES });
  const blocksOf = new Map<string, ByteCache<number, TableBlock>>();

  const readList = async (gitDir: string): Promise<readonly string[] | undefined> => {
    const path = tableListPath(gitDir);
    let list = lists.get(path);
    if (list === undefined) lists.set(path, (list = createCachedFile(parseList)));
    return list.read(path);
  };

  const blockCache = (path: string): ByteCache<number, TableBlock> => {
    let cache = blocksOf.get(path);
    if (cache === undefined) blocksOf.set(path, (cache = blocks.partition()));
    return cache;
  };

  /** `undefined` where it is gone. */
  const openOne = async (path: string, handles: FileHandle[]): Promise<OpenTable | undefined> => {
    const kept = small.get(path);
    if (kept !== undefined) return kept;
    const handle = await ifPresent(open(path, "r"));
    if (handle === undefined) return undefined;
    handles.push(handle);
    const { size } = await handle.stat();
    const source = readFrom(handle, size, path);
    if (size > SMALL_BYTES) return openTable(source, { key: path, cache: blockCache(path) });
    const table = await openTable(inMemory(await source.read(0, size)), { key: path, tailBytes: size });
    // Names are never used again: a table of this name is this table.
    small.set(path, table, size);
    return table;
  };

  const openAll = async (gitDir: string, names: readonly string[]): Promise<OpenStack | undefined> => {
    const handles: FileHandle[] = [];
    const closeAll = async (): Promise<void> => {
      await Promise.all(handles.splice(0).map((handle) => handle.close()));
    };
    try {
      const tables: StackTable[] = [];
      for (const name of names) {
        const path = join(gitDir, "reftable", name);
        const table = await openOne(path, handles);
        if (table === undefined) {
          await closeAll();
          return undefined;
        }
        if (table.format !== format) throw corruptStack(path, `a table of ${table.format}`);
        tables.push({ name, table });
      }
      const merged = mergeTables(tables.map(({ table }) => table));
      return { tables, merged, [Symbol.asyncDispose]: closeAll };
    } catch (error) {
      await closeAll();
      throw error;
    }
  };

  const forgetOthers = (gitDir: string, names: readonly string[]): void => {
    if (blocksOf.size <= 2 * names.length + 8) return;
    const current = new Set(names.map((name) => join(gitDir, "reftable", name)));
    for (const [path, cache] of blocksOf) {
      if (current.has(path)) continue;
      cache.clear();
      blocksOf.delete(path);
    }
  };

  return {
    async open(gitDir) {
      let before: readonly string[] | undefined;
      for (;;) {
        const names = await readList(gitDir);
        if (names === undefined) return undefined;
        const stack = await openAll(gitDir, names);
        if (stack !== undefined) {
          forgetOthers(gitDir, names);
          return stack;
        }
        // Compacted away since the list was read: then there is another list.
        if (before !== undefined && before.join() === names.join()) {
          throw corruptStack(tableListPath(gitDir), "names a table that is not there");
        }
        before = names;
      }
    },
  };
}

function parseList(bytes: Buffer): readonly string[] {
  const names = bytes.toString("utf8").split("\n");
  if (names.at(-1) === "") names.pop();
  const bad = names.find((name) => name === "" || name.startsWith(".") || /[/\0]/.test(name));
  if (bad !== undefined) throw corruptStack("tables.list", `bad line ${JSON.stringify(bad)}`);
  return names;
}

function inMemory(bytes: Uint8Array): RandomAccess {
  return { sizeBytes: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

function corruptStack(key: string, what: string): StorageError {
  return new StorageError("STORAGE_CORRUPT", `${key}: ${what}`, { key });
}

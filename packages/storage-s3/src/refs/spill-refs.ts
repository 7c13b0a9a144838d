import { setImmediate } from "node:timers/promises";
import type { StoredRef } from "@millrace/storage";
import { createTableWriter, mergeTables, type RefRecords } from "@millrace/storage/reftable";
import type { Bucket } from "../bucket/bucket.ts";
import type { FileStore } from "../files/file-store.ts";
import { freshFileKey, type Keys } from "../keys.ts";
import { type RepositoryState, withRemoved } from "../manifest/repository-state.ts";
import type { StoredTable } from "../manifest/schema.ts";
import { recordsInMemory } from "./records-in-memory.ts";
import { fitsTable, recordsOf, storeRefs, type StoredRefs, tellsPeeled } from "./stored-refs.ts";
import type { TableStore } from "./table-store.ts";

export interface SpillOptions {
  readonly bucket: Bucket;
  readonly keys: Keys;
  readonly files: FileStore;
  readonly tables: TableStore;
  /** As many refs and deletions stay in the manifest. */
  readonly inlineRefs: number;
}

/** What is to be written in the place of a state: with more inline than the limit, these in a table that is up already. */
export type Spill = (state: RepositoryState) => Promise<RepositoryState>;

/** A table that was written. */
interface Written {
  /** The tables that it was written over. */
  readonly over: readonly StoredTable[];
  /** What went into it. */
  readonly entries: ReadonlyMap<string, StoredRef | null>;
  /** The list with it, and what that list does without. */
  readonly tables: readonly StoredTable[];
  readonly merged: readonly StoredTable[];
}

/** Each table is at least so many times as large as the one above it: there are few, and a ref is written few times. */
const GEOMETRIC_FACTOR = 2;
/** Batches after which others get their turn on the event loop. */
const BATCHES_A_TURN = 8;

/**
 * For one swap: a table that was written for a version serves for a newer one too, as long as the tables below it are the
 * same and nothing in it is older than what the newer one has. One that serves no more is left to the sweep.
 */
export function createSpill(options: SpillOptions): Spill {
  let last: Written | undefined;
  return async (state) => {
    const { refs } = state;
    const entries = new Map([...refs.inline].filter(([name, ref]) => fitsTable(name, ref)));
    if (entries.size <= options.inlineRefs) return state;
    if (last === undefined || !isRight(last, refs)) last = await write(state, entries, options);
    const { entries: written, tables, merged } = last;
    const left = [...refs.inline].filter(
      ([name, ref]) => !(written.has(name) && isSame(written.get(name), ref)),
    );
    const next = { ...state, refs: storeRefs(new Map(left), tables) };
    return withRemoved(next, merged, options.bucket.nowMs());
  };
}

/** What the state has inline lies over the table, so all that is in the table must be told there, too. */
function isRight({ over, entries }: Written, refs: StoredRefs): boolean {
  const hasSame =
    over.length === refs.tables.length && over.every(({ key }, i) => refs.tables[i]?.key === key);
  if (!hasSame) return false;
  for (const name of entries.keys()) if (!refs.inline.has(name)) return false;
  return true;
}

function isSame(a: StoredRef | null | undefined, b: StoredRef | null): boolean {
  if (a === null || b === null || a === undefined) return a === b;
  if (a.symref !== undefined || b.symref !== undefined) return a.symref === b.symref;
  return a.oid === b.oid && a.peeled === b.peeled;
}

/** Writes a table of these, put together with those that it would outgrow. */
async function write(
  { life, generation, objectFormat, refs: { tables } }: RepositoryState,
  entries: ReadonlyMap<string, StoredRef | null>,
  options: SpillOptions,
): Promise<Written> {
  const updateIndex = generation + 1;
  const records = recordsInMemory(recordsOf(entries, updateIndex), objectFormat, updateIndex);
  let isPeeled = [...entries.values()].every(tellsPeeled);
  let bytes = await encode([records], tables.length > 0);
  let start = tables.length;
  let sizeBytes = bytes?.length ?? 0;
  while (start > 0 && (tables[start - 1] as StoredTable).sizeBytes < sizeBytes * GEOMETRIC_FACTOR) {
    sizeBytes += (tables[--start] as StoredTable).sizeBytes;
  }
  const merged = tables.slice(start);
  if (merged.length > 0) {
    const opened = await Promise.all(merged.map((table) => options.tables.open(table, objectFormat)));
    isPeeled &&= merged.every((table) => table.isPeeled);
    bytes = await encode([...opened, records], start > 0);
  }
  const kept = tables.slice(0, start);
  if (bytes === undefined) return { over: tables, entries, tables: kept, merged };
  const file = { key: freshFileKey(life, "refs"), sizeBytes: bytes.length };
  await options.bucket.put("table", options.keys.file(file.key), bytes);
  options.files.keep(file, bytes);
  return { over: tables, entries, tables: [...kept, { ...file, isPeeled }], merged };
}

/** The bytes of a table with the records of these, oldest first; `undefined` where nothing is left. */
async function encode(sources: readonly RefRecords[], keepDeletions: boolean): Promise<Buffer | undefined> {
  const records = mergeTables(sources, { keepDeletions });
  const writer = createTableWriter(records);
  let batches = 0;
  let count = 0;
  for await (const batch of records.refs()) {
    count += batch.length;
    for (let at = 0; at < batch.length; at += BATCH) {
      for (const ref of batch.slice(at, at + BATCH)) writer.addRef(ref);
      if (++batches % BATCHES_A_TURN === 0) await setImmediate();
    }
  }
  if (count === 0) return undefined;
  writer.finish();
  return Buffer.concat(writer.take());
}

/** Records that are written at a time. */
const BATCH = 1024;

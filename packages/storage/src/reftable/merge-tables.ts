import type { OperationOptions } from "@millrace/pack";
import { corruptTable } from "./table-fault.ts";
import { logKey } from "./read-block.ts";
import { mergeRuns } from "./ref-run.ts";
import { isDeletion, type TableLog, type TableRef } from "./table-records.ts";
import type { RefRecords, TableQuery } from "./open-table.ts";

export interface MergeOptions {
  /** Tell what is gone, too: for who writes tables that lie above others. Default `false`. */
  readonly keepDeletions?: boolean | undefined;
}

/** Records that a merged batch has at most. */
const BATCH = 1024;

/**
 * Several tables, oldest first, as one: of each record the newest counts (git's technical/reftable, "Update
 * transactions"). The tables stay the caller's. Throws `STORAGE_CORRUPT` for tables of different hashes.
 */
export function mergeTables(tables: readonly RefRecords[], options: MergeOptions = {}): RefRecords {
  const { keepDeletions = false } = options;
  const newestFirst = tables.toReversed();
  const format = tables[0]?.format ?? "sha1";
  if (tables.some((table) => table.format !== format)) throw corruptTable("tables of different hashes");
  const keepRef = (ref: TableRef): boolean => keepDeletions || !isDeletion(ref);
  const keepLog = (log: TableLog): boolean => keepDeletions || log.move !== undefined;
  const mergeLogs = (of: (table: RefRecords) => AsyncIterable<readonly TableLog[]>) =>
    merge(newestFirst.map(of), (log) => logKey(log.key, log.updateIndex), keepLog);
  return {
    format,
    minUpdateIndex: tables[0]?.minUpdateIndex ?? 0,
    maxUpdateIndex: tables.at(-1)?.maxUpdateIndex ?? 0,
    async find(key, read = {}) {
      for (const table of newestFirst) {
        const found = await table.find(key, read);
        if (found !== undefined) return keepRef(found) ? found : undefined;
      }
      return undefined;
    },
    refs: (query: TableQuery = {}) =>
      merge(
        newestFirst.map((table) => table.refs(query)),
        (ref) => ref.key,
        keepRef,
      ),
    runs: (query: TableQuery = {}) =>
      mergeRuns(
        newestFirst.map((table) => table.runs(query)),
        keepRef,
      ),
    logs: (query: TableQuery = {}) => mergeLogs((table) => table.logs(query)),
    log: (key: string, read: OperationOptions = {}) => mergeLogs((table) => table.log(key, read)),
  };
}

interface Source<T> {
  readonly batches: AsyncIterator<readonly T[]>;
  batch: readonly T[];
  at: number;
  /** The key of the record it stands at; `undefined` at its end. */
  key: string | undefined;
  /** The key of the last record of its batch. */
  end: string;
}

/** Records of all sources in the order of their keys, of equal keys that of the first source. */
async function* merge<T>(
  streams: readonly AsyncIterable<readonly T[]>[],
  keyOf: (record: T) => string,
  keep: (record: T) => boolean,
): AsyncGenerator<readonly T[]> {
  const sources: Source<T>[] = [];
  const refill = async (source: Source<T>): Promise<void> => {
    const next = await source.batches.next();
    source.batch = next.done === true ? [] : next.value;
    source.at = 0;
    const last = source.batch.at(-1);
    source.key = last === undefined ? undefined : keyOf(source.batch[0]!);
    source.end = last === undefined ? "" : keyOf(last);
  };
  try {
    for (const stream of streams) {
      const source = { batches: stream[Symbol.asyncIterator](), batch: [], at: 0, key: undefined, end: "" };
      sources.push(source);
      await refill(source);
    }
    let merged: T[] = [];
    for (;;) {
      let least: Source<T> | undefined;
      for (const source of sources) {
        if (source.key !== undefined && (least?.key === undefined || source.key < least.key)) least = source;
      }
      if (least?.key === undefined) break;
      const { key } = least;
      // Most of a stack lies in one table: what no other source reaches into goes through as it is.
      if (least.at < least.batch.length - 1 && !reachesInto(sources, least)) {
        if (merged.length > 0) yield merged;
        merged = [];
        const kept = least.batch.slice(least.at).filter(keep);
        await refill(least);
        if (kept.length > 0) yield kept;
        continue;
      }
      const record = least.batch[least.at]!;
      for (const source of sources) {
        if (source.key !== key) continue;
        if (++source.at < source.batch.length) source.key = keyOf(source.batch[source.at]!);
        else await refill(source);
      }
      if (!keep(record)) continue;
      merged.push(record);
      if (merged.length < BATCH) continue;
      yield merged;
      merged = [];
    }
    if (merged.length > 0) yield merged;
  } finally {
    for (const { batches } of sources) await batches.return?.();
  }
}

/** Whether another source has records up to where this one's batch ends; none is before it. */
function reachesInto<T>(sources: readonly Source<T>[], one: Source<T>): boolean {
  for (const source of sources) {
    if (source !== one && source.key !== undefined && source.key <= one.end) return true;
  }
  return false;
}

/** git's reftable format: many refs and their logs in few files, sorted, in blocks. */
export {
  isDeletion,
  keyOfName,
  type LogMove,
  nameOfKey,
  type TableLog,
  type TableRef,
} from "./table-records.ts";
export type { TableBlock } from "./read-block.ts";
export {
  type OpenTable,
  type OpenTableOptions,
  openTable,
  type RefRecords,
  type TableBlockCache,
  type TableQuery,
} from "./open-table.ts";
export { type RefRun, runOf } from "./ref-run.ts";
export { type MergeOptions, mergeTables } from "./merge-tables.ts";
export { createTableWriter, encodeTable, type TableWriteOptions, type TableWriter } from "./write-table.ts";

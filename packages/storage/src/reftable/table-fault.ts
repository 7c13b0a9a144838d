import { StorageError } from "../errors.ts";

/** The error for a table that does not parse. */
export function corruptTable(what: string): StorageError {
  return new StorageError("STORAGE_CORRUPT", `ref table: ${what}`);
}

/** The error for what a table cannot hold, or not in this order. */
export function unfitRecord(what: string): StorageError {
  return new StorageError("STORAGE_UNSUPPORTED", `ref table: ${what}`);
}

import { StorageError } from "../errors.ts";

/** The error for a table that does not parse. */
export function corruptTable(what: string): StorageError {
  return new StorageError("STORAGE_CORRUPT", `ref table: ${what}`);
}

/** The error for what a table cannot hold, or not in this order. */
export function unfitRecord(what: string): StorageError {
  return new StorageError("STORAGE_UNSUPPORTED", `ref table: ${what}`);
}

/** Runs `run`, and has what it throws for damage name the table. */
export async function namingTable<T>(key: string | undefined, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw named(key, error);
  }
}

/** The same for what is done at once. */
export function naming<T>(key: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw named(key, error);
  }
}

/** The same for a stream of batches. */
export async function* namingTableOf<T>(
  key: string | undefined,
  batches: AsyncIterable<T>,
): AsyncGenerator<T> {
  try {
    yield* batches;
  } catch (error) {
    throw named(key, error);
  }
}

function named(key: string | undefined, error: unknown): unknown {
  if (key === undefined || !(error instanceof StorageError) || error.key !== undefined) return error;
  return new StorageError(error.code, `${key}: ${error.message}`, { cause: error, key });
}

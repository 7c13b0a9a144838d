import { StorageError, type StorageErrorCode } from "@millrace/storage";

const CODES: Readonly<Record<string, StorageErrorCode>> = {
  ENOENT: "STORAGE_NOT_FOUND",
  EACCES: "STORAGE_FORBIDDEN",
  EPERM: "STORAGE_FORBIDDEN",
  EROFS: "STORAGE_FORBIDDEN",
  ENAMETOOLONG: "STORAGE_BAD_NAME",
};

/** The system's code of an error, such as `ENOENT`; `undefined` for errors that are not the system's. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Whether an error says that a path, or a directory on the way to it, does not exist. */
export function isAbsent(error: unknown): boolean {
  const code = errnoOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** What a system's error is in the storage contract's terms; everything else is returned as it is. */
export function toStorageError(error: unknown, key: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  return new StorageError(CODES[errno] ?? "STORAGE_IO", (error as Error).message, { cause: error, key });
}

/** Runs one operation of the contract, turning the system's errors into typed ones. `key` says what it was about. */
export async function guarded<T>(key: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toStorageError(error, key);
  }
}

/** `guarded` for a stream of items. */
export async function* guardedItems<T>(key: string, items: () => AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items();
  } catch (error) {
    throw toStorageError(error, key);
  }
}

/** What `run` gives, or `undefined` where the path it is about does not exist. */
export async function ifPresent<T>(run: Promise<T>): Promise<T | undefined> {
  try {
    return await run;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

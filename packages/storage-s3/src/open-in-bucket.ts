import { type Storage, StorageError } from "@millrace/storage";
import { openBucketStore } from "./open-bucket.ts";

/** What was opened of a repository in a bucket. Disposing closes it, and the store behind it. */
export interface OpenInBucket<T> extends AsyncDisposable {
  readonly opened: T;
}

/** How a repository in a bucket is opened. */
export interface OpenInBucketOptions {
  /** It is only read. Else the store it is in shows that it keeps to conditions of writes. Default `true`. */
  readonly isOnlyRead?: boolean | undefined;
  /** A folder where what was read stays between runs. Default: none. */
  readonly cacheFolder?: string | undefined;
}

/**
 * Opens a repository by an address that does not say where its store begins: `s3://bucket/a/b/c` may be the repository `c` of a
 * store at `a/b`, `b/c` of one at `a`, or `a/b/c` of the whole bucket. The first that is there counts; nothing is written to the others.
 * @param open opens the repository of a name, and throws `STORAGE_NOT_FOUND` where there is none. Where it is not only read, it is asked
 *   again when the repository is found
 * @throws StorageError STORAGE_NOT_FOUND, what `openBucketStore` and `open` throw
 */
export async function openInBucket<T extends AsyncDisposable>(
  address: string,
  environment: Readonly<Record<string, string | undefined>>,
  open: (storage: Storage, repository: string) => Promise<T>,
  { isOnlyRead = true, cacheFolder }: OpenInBucketOptions = {},
): Promise<OpenInBucket<T>> {
  const [, bucket = "", path = "", query = ""] =
    /^s3:\/\/([^/?]*)\/*([^?]*?)\/*(\?.*)?$/i.exec(address) ?? [];
  const parts = path.split("/");
  const openAt = async (at: number, mayOnlyRead: boolean): Promise<OpenInBucket<T>> => {
    const prefix = parts.slice(0, at).map((part) => `/${part}`);
    const store = `s3://${bucket}${prefix.join("")}${query}`;
    const storage = await openBucketStore({ store, isOnlyRead: mayOnlyRead }, cacheFolder, environment);
    try {
      const opened = await open(storage, parts.slice(at).join("/"));
      return {
        opened,
        async [Symbol.asyncDispose]() {
          await opened[Symbol.asyncDispose]();
          await storage[Symbol.asyncDispose]();
        },
      };
    } catch (error) {
      await storage[Symbol.asyncDispose]();
      throw error;
    }
  };
  let absent: unknown;
  for (let at = parts.length - 1; at >= 0; at--) {
    try {
      const found = await openAt(at, true);
      if (isOnlyRead) return found;
      await found[Symbol.asyncDispose]();
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "STORAGE_NOT_FOUND") throw error;
      absent ??= error;
      continue;
    }
    return await openAt(at, false);
  }
  const message = `there is no repository at ${address}`;
  throw new StorageError("STORAGE_NOT_FOUND", message, { cause: absent, key: address });
}

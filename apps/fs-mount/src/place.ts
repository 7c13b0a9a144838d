import { resolve } from "node:path";
import { type ObjectSource, openRemoteSource, openStorageSource, type RefSource } from "@millrace/promisor";
import { openRemote, openTransport } from "@millrace/protocol-v2/client";

/** A repository somewhere: where its objects and its refs come from. */
export interface Place extends AsyncDisposable {
  readonly source: ObjectSource;
  readonly refs: RefSource;
  /** Fit to be printed: without passwords. */
  readonly address: string;
  /** As git takes it. */
  readonly url: string;
  /** Whether git itself can fetch from there. */
  readonly isForGit: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Opens what an address leads to: a repository in a bucket where it lies (`s3://bucket/prefix/name`), all others as git would reach
 * them.
 * @throws what the bucket throws; STORAGE_NOT_FOUND
 */
export async function openPlace(repository: string, environment: Environment): Promise<Place> {
  if (/^s3:\/\//i.test(repository)) return await openInBucket(repository, environment);
  const url = absoluteAddress(repository);
  const remote = openRemote(await openTransport(url, { environment }));
  return {
    source: openRemoteSource(remote),
    refs: remote,
    address: remote.address,
    url,
    isForGit: true,
    [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose](),
  };
}

/** An address that means the same wherever it is said: a directory's path becomes absolute. */
export function absoluteAddress(repository: string): string {
  const isDirectory = !/^[a-z][a-z0-9+.-]*:\/\//i.test(repository) && !/^[^/]+:/.test(repository);
  return isDirectory ? resolve(repository) : repository;
}

/**
 * `s3://bucket/a/b/c` may be the repository `c` of a store at `a/b`, `b/c` of one at `a`, or `a/b/c` of the whole bucket: the
 * first that is there.
 */
async function openInBucket(address: string, environment: Environment): Promise<Place> {
  // Whoever reads from elsewhere starts in half the time without it.
  const { openBucketStore } = await import("@millrace/storage-s3");
  const [, bucket = "", path = "", query = ""] =
    /^s3:\/\/([^/?]*)\/*([^?]*?)\/*(\?.*)?$/i.exec(address) ?? [];
  const parts = path.split("/");
  let absent: unknown;
  for (let at = parts.length - 1; at >= 0; at--) {
    const prefix = parts.slice(0, at).map((part) => `/${part}`);
    const store = `s3://${bucket}${prefix.join("")}${query}`;
    const storage = await openBucketStore({ store, isOnlyRead: true }, undefined, environment);
    try {
      const source = await openStorageSource(storage, parts.slice(at).join("/"));
      return {
        source,
        refs: source,
        address,
        url: address,
        isForGit: false,
        async [Symbol.asyncDispose]() {
          await source[Symbol.asyncDispose]();
          await storage[Symbol.asyncDispose]();
        },
      };
    } catch (error) {
      await storage[Symbol.asyncDispose]();
      if ((error as { readonly code?: unknown }).code !== "STORAGE_NOT_FOUND") throw error;
      absent ??= error;
    }
  }
  throw absent;
}

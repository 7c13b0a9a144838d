import type { OperationOptions } from "@millrace/pack";
import { isRepositoryName, ListOptions, StorageError } from "@millrace/storage";
import type { Bucket, ListedKey } from "./bucket/bucket.ts";
import type { Keys } from "./keys.ts";
import { decodeManifest, TOMBSTONE_BYTES } from "./manifest/codec.ts";

/** Manifests looked at together. */
const LOOKS = 16;

/**
 * Names of repositories in byte order, a page of keys at a time. What is small enough to be a tombstone is read, to see
 * whether it is one.
 */
export async function* listRepositories(
  bucket: Bucket,
  keys: Keys,
  options: ListOptions & OperationOptions,
): AsyncGenerator<string> {
  const { signal } = options;
  const { prefix = "", after, limit = Number.POSITIVE_INFINITY } = ListOptions.parse(options);
  let left = limit;
  let last = after === undefined ? undefined : keys.manifest(after);
  for (;;) {
    const page = await bucket.list("manifest", keys.manifest(prefix), last, { signal });
    for (let at = 0; at < page.keys.length; at += LOOKS) {
      const some = page.keys.slice(at, at + LOOKS);
      const isThere = await Promise.all(some.map((listed) => isRepository(bucket, keys, listed, signal)));
      for (const [index, { key }] of some.entries()) {
        if (isThere[index] !== true) continue;
        yield keys.nameOf(key);
        signal?.throwIfAborted();
        if (--left === 0) return;
      }
    }
    if (page.isLast) return;
    last = page.keys.at(-1)?.key;
  }
}

async function isRepository(
  bucket: Bucket,
  keys: Keys,
  { key, sizeBytes }: ListedKey,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (!isRepositoryName(keys.nameOf(key))) return false;
  if (sizeBytes > TOMBSTONE_BYTES) return true;
  const found = await bucket.get("manifest", key, { signal });
  return found !== undefined && found !== "unchanged" && !isTombstone(found.bytes, key);
}

/** What is damaged, or of a later version, is told as a repository: whoever opens it hears what is wrong with it. */
function isTombstone(bytes: Uint8Array, key: string): boolean {
  try {
    return "removedLife" in decodeManifest(bytes, key);
  } catch (error) {
    if (error instanceof StorageError) return false;
    throw error;
  }
}

import { openStorageSource, type StorageSource } from "@millrace/promisor";
import type { Place } from "./place.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A repository that was found in a bucket. */
interface FoundInBucket extends AsyncDisposable {
  readonly source: StorageSource;
}

/**
 * A repository in a bucket. It is looked for when something of it is asked for, and again by the next question where that has failed:
 * what is on the disk already is mounted while the bucket cannot be reached.
 */
export function openBucketPlace(address: string, environment: Environment): Place {
  let finding: Promise<FoundInBucket> | undefined;
  const source = async (): Promise<StorageSource> => {
    const asked = (finding ??= findInBucket(address, environment));
    try {
      return (await asked).source;
    } catch (error) {
      if (finding === asked) finding = undefined;
      throw error;
    }
  };
  return {
    source: {
      address,
      objectFormat: async (options) => (await source()).objectFormat(options),
      fetch: async (wants, options) => (await source()).fetch(wants, options),
      fetchPack: async (wants, options) => (await source()).fetchPack?.(wants, options),
      sizes: async (oids, options) => (await (await source()).sizes?.(oids, options)) ?? new Map(),
    },
    refs: {
      async *listRefs(query) {
        yield* (await source()).listRefs(query);
      },
    },
    address,
    url: address,
    isForGit: false,
    async [Symbol.asyncDispose]() {
      const found = await finding?.catch(() => undefined);
      await found?.[Symbol.asyncDispose]();
    },
  };
}

/**
 * `s3://bucket/a/b/c` may be the repository `c` of a store at `a/b`, `b/c` of one at `a`, or `a/b/c` of the whole bucket: the
 * first that is there.
 */
async function findInBucket(address: string, environment: Environment): Promise<FoundInBucket> {
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

import { openStorageSource, type StorageSource } from "@millrace/promisor";
import type { OpenInBucket } from "@millrace/storage-s3";
import type { Place } from "./place.ts";
import { bucketGitSettings } from "./remote-helper/bucket-settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A repository in a bucket. It is looked for when something of it is asked for, and again by the next question where that has failed:
 * what is on the disk already is mounted while the bucket cannot be reached.
 */
export function openBucketPlace(address: string, environment: Environment): Place {
  let finding: Promise<OpenInBucket<StorageSource>> | undefined;
  const source = async (): Promise<StorageSource> => {
    const asked = (finding ??= findInBucket(address, environment));
    try {
      return (await asked).opened;
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
    gitSettings: bucketGitSettings(environment),
    async [Symbol.asyncDispose]() {
      const found = await finding?.catch(() => undefined);
      await found?.[Symbol.asyncDispose]();
    },
  };
}

async function findInBucket(address: string, environment: Environment): Promise<OpenInBucket<StorageSource>> {
  // Whoever reads from elsewhere starts in half the time without it.
  const { openInBucket } = await import("@millrace/storage-s3");
  return await openInBucket(address, environment, (storage, name) => openStorageSource(storage, name));
}

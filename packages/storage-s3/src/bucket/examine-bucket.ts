import type { OperationOptions } from "@millrace/pack";
import { StorageError } from "@millrace/storage";
import { inParallel } from "../in-parallel.ts";
import { listAll } from "../bare/list-keys.ts";
import { createKeys } from "../keys.ts";
import type { S3BucketOptions } from "../schema.ts";
import type { Bucket } from "./bucket.ts";
import { openBucket } from "./open-bucket.ts";
import { proveConditions, provesDeletion } from "./prove-conditions.ts";

/** Keys deleted at once. */
const WIDTH = 16;

/** How a store does what storages rest on. */
export interface BucketFindings {
  /** What was seen of conditions on PUT that are ignored; `undefined` where they hold, and repositories can be stored. */
  readonly ignoredConditions: string | undefined;
  /** `If-Match` on DELETE holds, which refs of the layout `bare` need to be deleted. */
  readonly conditionalDeletes: boolean;
}

/**
 * Tries out on fresh keys below the prefix what a store does, and leaves none of them. Throws `STORAGE_FORBIDDEN` and
 * `STORAGE_IO` where it cannot be asked.
 */
export async function examineBucket(
  options: S3BucketOptions,
  { signal }: OperationOptions = {},
): Promise<BucketFindings> {
  using bucket = openBucket(options);
  const { probes } = createKeys(options.prefix);
  return {
    ignoredConditions: await ignoredConditions(bucket, probes, signal),
    conditionalDeletes: await provesDeletion(bucket, probes, { signal }),
  };
}

async function ignoredConditions(
  bucket: Bucket,
  probes: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    await proveConditions(bucket, probes, { signal });
    return undefined;
  } catch (error) {
    if (error instanceof StorageError && error.code === "STORAGE_UNSUPPORTED") return error.message;
    throw error;
  }
}

/**
 * Deletes all keys and unfinished uploads below a prefix, which must not be empty, and answers how many keys that were.
 * Throws `STORAGE_FORBIDDEN`, `STORAGE_IO`.
 */
export async function clearPrefix(
  options: S3BucketOptions & { readonly prefix: string },
  { signal }: OperationOptions = {},
): Promise<number> {
  if (options.prefix === "") throw new RangeError("a whole bucket is not cleared");
  using bucket = openBucket(options);
  const prefix = `${options.prefix}/`;
  const keys = await listAll(bucket, prefix, { kind: "probe", signal });
  await inParallel(keys, WIDTH, ({ key }) => bucket.delete("probe", key, { signal }));
  for (const { key, upload } of await bucket.listUploads(prefix, { signal }))
    await bucket.abortUpload(key, upload);
  return keys.length;
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { S3Endpoint } from "@millrace/s3-lab";
import type { Storage } from "@millrace/storage";
import { openS3Storage, type S3StorageOptions } from "../src/index.ts";

/** Where a test's storage lies. */
export interface TestPlace {
  readonly endpoint: S3Endpoint;
  readonly bucket: string;
}

/** Opens a storage over a server of the lab; the folders it uses here go with it. */
export async function openTestStorage(
  { endpoint, bucket }: TestPlace,
  options: Partial<S3StorageOptions> = {},
): Promise<Storage> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-s3-"));
  const { url, region, accessKeyId, secretAccessKey } = endpoint;
  const storage = await openS3Storage({
    bucket,
    endpoint: url,
    region,
    credentials: { accessKeyId, secretAccessKey },
    spoolFolder: join(folder, "spool"),
    cacheFolder: join(folder, "cache"),
    proveConditions: false,
    ...options,
  });
  return {
    ...storage,
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Storage } from "@millrace/storage";
import { openS3Storage } from "@millrace/storage-s3";
import { z } from "zod";

/** A bucket to serve, as the command line names it. */
export interface BucketFlags {
  /** `s3://bucket` or `s3://bucket/prefix`. */
  readonly store: string;
  /** Another server than that of AWS. */
  readonly endpoint?: string | undefined;
}

/** A bucket and what keys in it start with. */
export interface StoreAddress {
  readonly bucket: string;
  readonly prefix?: string | undefined;
}

const STORE = /^s3:\/\/(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(?<prefix>[^?#]*?))?\/*$/;

/** Reads `s3://bucket/prefix`. Throws a `ZodError`. */
export const StoreAddress: z.ZodType<StoreAddress, string> = z.string().transform((text, context) => {
  const { bucket, prefix } = STORE.exec(text)?.groups ?? {};
  if (bucket === undefined) {
    context.addIssue({ code: "custom", message: `not s3://BUCKET[/PREFIX]: ${JSON.stringify(text)}` });
    return z.NEVER;
  }
  return prefix === undefined || prefix === "" ? { bucket } : { bucket, prefix };
});

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Opens the bucket that `--store` names. Where the server is and in which region comes from the command line, else from
 * the variables that the AWS tools read; so do credentials. With a cache folder, what was read stays there between runs.
 */
export function openBucketStore(
  { store, endpoint }: BucketFlags,
  cacheFolder: string | undefined,
  environment: Environment,
): Promise<Storage> {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION } = environment;
  const place = {
    ...StoreAddress.parse(store),
    endpoint: endpoint ?? AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL,
    region: AWS_REGION ?? AWS_DEFAULT_REGION,
  };
  if (cacheFolder === undefined) {
    return openS3Storage({ ...place, spoolFolder: join(tmpdir(), `millrace-spool-${userInfo().uid}`) });
  }
  const folders = { spoolFolder: join(cacheFolder, "spool"), cacheFolder: join(cacheFolder, "s3") };
  return openS3Storage({ ...place, ...folders });
}

import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Storage } from "@millrace/storage";
import { z } from "zod";
import { openS3Storage } from "./s3-storage.ts";
import { S3Layout, type S3StorageOptions } from "./schema.ts";

/** A bucket to serve, as the command line names it. */
export interface BucketFlags {
  /** `s3://bucket` or `s3://bucket/prefix`, and behind a `?` what is not to have its default. */
  readonly store: string;
  /** Another server than that of AWS. */
  readonly endpoint?: string | undefined;
  /** How repositories lie in it, where the address does not say. Default `manifest`. */
  readonly layout?: S3Layout | undefined;
  /** It is only read: that the server keeps to conditions of writes need not be shown. Default `false`. */
  readonly isOnlyRead?: boolean | undefined;
}

/** Options of the storage that an address may carry, each a number. */
type Tunable = {
  [K in keyof S3StorageOptions]-?: number extends S3StorageOptions[K] ? K : never;
}[keyof S3StorageOptions];

const tunable: Readonly<Record<Tunable, true>> = {
  maxConnections: true,
  attemptTimeoutMs: true,
  requestTimeoutMs: true,
  maxAttempts: true,
  retryDelayMs: true,
  smallPackBytes: true,
  partBytes: true,
  uploadConcurrency: true,
  rangeBytes: true,
  readAhead: true,
  memoryCacheBytes: true,
  cacheFolderBytes: true,
  commitTimeoutMs: true,
  graceMs: true,
  leaseMs: true,
  inlineRefs: true,
  listRefsConcurrency: true,
  listRefsTimeoutMs: true,
  putPackTimeoutMs: true,
  claimTimeoutMs: true,
};

/** A bucket, what keys in it start with, and how it is to be asked. */
export interface StoreAddress extends Readonly<Partial<Record<Tunable, number>>> {
  readonly bucket: string;
  readonly prefix?: string | undefined;
  readonly layout?: S3Layout | undefined;
}

const STORE =
  /^s3:\/\/(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(?<prefix>[^?#]*?))?\/*(?:\?(?<query>[^#]*))?$/;

/** Reads `s3://bucket/prefix?layout=bare&option=number&…`. Throws a `ZodError`. */
export const StoreAddress: z.ZodType<StoreAddress, string> = z.string().transform((text, context) => {
  const refuse = (message: string): never => {
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  const { bucket, prefix, query } = STORE.exec(text)?.groups ?? {};
  if (bucket === undefined) return refuse(`not s3://BUCKET[/PREFIX]: ${JSON.stringify(text)}`);
  const tuning: Record<string, number> = {};
  let layout: S3Layout | undefined;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === "layout") {
      layout = S3Layout.safeParse(value).data;
      if (layout === undefined) return refuse("layout: there is manifest, bare");
      continue;
    }
    if (!Object.hasOwn(tunable, name)) {
      return refuse(`${name}: there is layout, ${Object.keys(tunable).join(", ")}`);
    }
    if (!/^\d+$/.test(value)) return refuse(`${name}: not a number: ${JSON.stringify(value)}`);
    tuning[name] = Number(value);
  }
  const place = prefix === undefined || prefix === "" ? { bucket } : { bucket, prefix };
  return { ...place, ...(layout === undefined ? {} : { layout }), ...tuning };
});

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Opens the bucket that `--store` names. Where the server is and in which region comes from the command line, else from
 * the variables that the AWS tools read; so do credentials. With a cache folder, what was read stays there between runs.
 */
export function openBucketStore(
  flags: BucketFlags,
  cacheFolder: string | undefined,
  environment: Environment,
): Promise<Storage> {
  return openS3Storage(bucketOptions(flags, cacheFolder, environment));
}

/** What that bucket is opened with. */
export function bucketOptions(
  { store, endpoint, layout, isOnlyRead = false }: BucketFlags,
  cacheFolder: string | undefined,
  environment: Environment,
): S3StorageOptions {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION } = environment;
  const place = {
    layout,
    ...StoreAddress.parse(store),
    endpoint: endpoint ?? AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL,
    region: AWS_REGION ?? AWS_DEFAULT_REGION,
    proveConditions: !isOnlyRead,
  };
  if (cacheFolder === undefined) {
    return { ...place, spoolFolder: join(tmpdir(), `millrace-spool-${userInfo().uid}`) };
  }
  return { ...place, spoolFolder: join(cacheFolder, "spool"), cacheFolder: join(cacheFolder, "s3") };
}

import { z } from "zod";

/** Keys to sign requests with. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Goes with keys that were lent for some time. */
  readonly sessionToken?: string | undefined;
}
const S3Credentials: z.ZodType<S3Credentials> = z.object({
  accessKeyId: z.string().min(1),
  secretAccessKey: z.string().min(1),
  sessionToken: z.string().min(1).optional(),
});

/**
 * How repositories lie in the bucket: `manifest`, immutable files and one manifest each; `bare`, as git lays them out, for
 * buckets that other tools read and write as well.
 */
export type S3Layout = "manifest" | "bare";
export const S3Layout: z.ZodType<S3Layout> = z.enum(["manifest", "bare"]);

/** Where the bucket is and how hard it is asked; all but `bucket` has a default. */
export interface S3BucketOptions {
  readonly bucket: string;
  /** What all keys start with, without a slash at its ends. Default: nothing. */
  readonly prefix?: string | undefined;
  /** Another server than that of AWS, by its URL. */
  readonly endpoint?: string | undefined;
  /** Default: with `endpoint` `us-east-1`, else what the AWS SDK finds in the environment. */
  readonly region?: string | undefined;
  /** The bucket stands in the path instead of the host name. Default: with `endpoint` `true`. */
  readonly forcePathStyle?: boolean | undefined;
  /** Default: what the AWS SDK finds in the environment, in its files, or from the machine's role. */
  readonly credentials?: S3Credentials | undefined;
  /** Connections, and so requests under way at once. Default 64. */
  readonly maxConnections?: number | undefined;
  /** One attempt, its body included, in milliseconds. Default 30,000. */
  readonly attemptTimeoutMs?: number | undefined;
  /** One request with all its attempts, in milliseconds. Default 90,000. */
  readonly requestTimeoutMs?: number | undefined;
  /** Default 6. */
  readonly maxAttempts?: number | undefined;
  /** The longest a second attempt waits, in milliseconds; each further one up to twice as long. Default 100. */
  readonly retryDelayMs?: number | undefined;
}

/** How repositories are kept in the bucket and what is kept here of them; all of it has defaults. */
export interface S3StorageOptions extends S3BucketOptions {
  /** Default `manifest`. */
  readonly layout?: S3Layout | undefined;
  /** A folder on a disk where packs lie while they arrive; what is in it goes with the process. */
  readonly spoolFolder: string;
  /** Packs up to this size, in bytes, travel with their indexes in one file. Default 4 MiB. */
  readonly smallPackBytes?: number | undefined;
  /** Parts of a larger pack's upload, in bytes. Default 8 MiB; S3 takes 5 MiB and more, and 10,000 parts. */
  readonly partBytes?: number | undefined;
  /** Parts of one upload under way at once, each in memory. Default 4. */
  readonly uploadConcurrency?: number | undefined;
  /** Stored files are read in ranges of this size. Default 4 MiB. */
  readonly rangeBytes?: number | undefined;
  /** Ranges asked for ahead of a reader that goes straight on. Default 4. */
  readonly readAhead?: number | undefined;
  /** What is kept in memory of stored files, in bytes. Default 64 MiB. */
  readonly memoryCacheBytes?: number | undefined;
  /** A folder that keeps what was read of stored files; several processes may share it. Default: none. */
  readonly cacheFolder?: string | undefined;
  /** What that folder may hold, in bytes; what was used longest ago makes room. Default 8 GiB. */
  readonly cacheFolderBytes?: number | undefined;
  /** How long a commit tries to get its turn, in milliseconds. Default 60,000. */
  readonly commitTimeoutMs?: number | undefined;
  /** As many refs, and deletions of refs, a manifest holds; more of them go into tables in files of their own. Default 1,000. */
  readonly inlineRefs?: number | undefined;
  /**
   * How long files stay that no manifest needs, in milliseconds by the store's clock: who has begun to read them reads on.
   * A staged pack can be committed for half of that. All processes that share a bucket have to have the same, and it has to
   * be much longer than any request. Default 24 hours.
   */
  readonly graceMs?: number | undefined;
  /** When another may tidy a repository up after one that was killed at it, in milliseconds. Default 5 minutes. */
  readonly leaseMs?: number | undefined;
  /** Layout `bare`: refs read, or written, at once. Default 32. */
  readonly listRefsConcurrency?: number | undefined;
  /** Layout `bare`: how long one listing of refs may take, in milliseconds. Default 30,000. */
  readonly listRefsTimeoutMs?: number | undefined;
  /** Layout `bare`: how long the upload of one pack and its indexes may take, in milliseconds. Default 30 minutes. */
  readonly putPackTimeoutMs?: number | undefined;
  /**
   * Layout `bare`: after so long without a sign of life, in milliseconds, who began to make or remove a repository is
   * taken for dead, and their work is begun anew. Default 30,000.
   */
  readonly claimTimeoutMs?: number | undefined;
  /** Prove at the start that the bucket honours conditional writes, and refuse it where it does not. Default `true`. */
  readonly proveConditions?: boolean | undefined;
}

const count = z.number().int().positive().optional();
const bytes = z.number().int().nonnegative().optional();
export const S3StorageOptions: z.ZodType<S3StorageOptions> = z.object({
  bucket: z.string().min(1),
  prefix: z
    .string()
    .regex(/^(?!\/).{0,100}(?<!\/)$/)
    .optional(),
  endpoint: z.url().optional(),
  region: z.string().min(1).optional(),
  forcePathStyle: z.boolean().optional(),
  credentials: S3Credentials.optional(),
  maxConnections: count,
  attemptTimeoutMs: count,
  requestTimeoutMs: count,
  maxAttempts: count,
  retryDelayMs: count,
  spoolFolder: z.string().min(1),
  smallPackBytes: bytes,
  partBytes: z
    .number()
    .int()
    .min(5 * 1024 * 1024)
    .optional(),
  uploadConcurrency: count,
  rangeBytes: count,
  readAhead: bytes,
  memoryCacheBytes: bytes,
  cacheFolder: z.string().min(1).optional(),
  cacheFolderBytes: bytes,
  commitTimeoutMs: count,
  inlineRefs: bytes,
  graceMs: count,
  leaseMs: count,
  layout: S3Layout.optional(),
  listRefsConcurrency: count,
  listRefsTimeoutMs: count,
  putPackTimeoutMs: count,
  claimTimeoutMs: count,
  proveConditions: z.boolean().optional(),
});

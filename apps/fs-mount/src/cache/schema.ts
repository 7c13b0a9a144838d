import { z } from "zod";

/** Where blobs are kept, and how many. */
export interface BlobCacheOptions {
  /** A folder of its own, which several mounts and processes may share. It is made where it is missing. */
  readonly folder: string;
  /** Bytes on the disk, in whole blocks of 4 KiB. Default 10 GiB. */
  readonly maxBytes?: number | undefined;
  /** A folder on another disk, for blobs that are being read while the cache's own is full. Default: none. */
  readonly spillFolder?: string | undefined;
}

/** The options with their defaults. */
export interface FilledBlobCacheOptions {
  readonly folder: string;
  readonly maxBytes: number;
  readonly spillFolder?: string | undefined;
}

export const BlobCacheOptions: z.ZodType<FilledBlobCacheOptions, BlobCacheOptions> = z.object({
  folder: z.string().min(1),
  maxBytes: z
    .number()
    .int()
    .positive()
    .default(10 * 1024 ** 3),
  spillFolder: z.string().min(1).optional(),
});

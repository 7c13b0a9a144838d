import { z } from "zod";

/** How a hydrator fetches. */
export interface HydratorLimits {
  /** Fetches under way at once; reads that somebody waits for may have one more. Default 8. */
  readonly workers?: number | undefined;
  /** Blobs in one request. Default 4,096; of what nobody waits for, at most 256. */
  readonly maxBatchCount?: number | undefined;
  /** Bytes in one request, as far as sizes are known. Default 64 MiB; a larger blob travels alone. */
  readonly maxBatchBytes?: number | undefined;
  /** Files of one directory that are fetched ahead. Default 256. */
  readonly maxPrefetchCount?: number | undefined;
  /** Files known to be larger are not fetched ahead, in bytes. Default 8 MiB. */
  readonly maxPrefetchBytes?: number | undefined;
  /** From this size on a blob that comes in pieces is read before it is whole, in bytes. Default 1 MiB. */
  readonly eagerBytes?: number | undefined;
  /** A fetch that brings nothing for so long is given up, in milliseconds. Default two minutes. */
  readonly stallMs?: number | undefined;
}

/** The limits with their defaults. */
export type FilledHydratorLimits = {
  readonly [Key in keyof HydratorLimits]-?: Exclude<HydratorLimits[Key], undefined>;
};

const count = z.number().int().positive();

export const HydratorLimits: z.ZodType<FilledHydratorLimits, HydratorLimits> = z.object({
  workers: count.default(8),
  maxBatchCount: count.default(4096),
  maxBatchBytes: count.default(64 * 1024 ** 2),
  maxPrefetchCount: count.default(256),
  maxPrefetchBytes: count.default(8 * 1024 ** 2),
  eagerBytes: count.default(1024 ** 2),
  stallMs: count.default(120_000),
});

import type { Oid } from "@millrace/pack";
import { z } from "zod";
import type { FetchOptions } from "./source/object-source.ts";

/** What a fetched pack may cost. */
export interface SourceLimits {
  /** Bytes of one pack. Default 2 GiB. */
  readonly maxPackBytes?: number | undefined;
  /** Objects in one pack. Default 10,000,000. */
  readonly maxObjectCount?: number | undefined;
  /** Bytes of one object. Default 512 MiB. */
  readonly maxObjectBytes?: number | undefined;
}

const count = z.number().int().positive();

/** The bounds with their defaults. */
export type FilledSourceLimits = {
  readonly [Key in keyof SourceLimits]-?: Exclude<SourceLimits[Key], undefined>;
};

export const SourceLimits: z.ZodType<FilledSourceLimits, SourceLimits> = z.object({
  maxPackBytes: count.default(2 * 1024 ** 3),
  maxObjectCount: count.default(10_000_000),
  maxObjectBytes: count.default(512 * 1024 ** 2),
});

/** What is done when the cache holds more than it may and nothing is left to be dropped. */
export type OverfullPolicy = "log" | "error" | ((bytes: number, maxBytes: number) => void);

/** How a promisor fetches and what it keeps. */
export interface PromisorOptions {
  /** What a fetch of single objects asks for. Default: `blob:none` at depth 1, so that a commit comes with its trees. */
  readonly fetch?: Pick<FetchOptions, "filter" | "depth"> | undefined;
  /** Bytes of content that are kept. Default: no bound. */
  readonly maxCacheBytes?: number | undefined;
  /** Commits are dropped first, oldest first; where that is not enough this happens. Default `"log"`: an event. */
  readonly onOverfull?: OverfullPolicy | undefined;
}

/** The options with their defaults. */
export interface FilledPromisorOptions {
  readonly fetch: Pick<FetchOptions, "filter" | "depth">;
  readonly maxCacheBytes: number;
  readonly onOverfull: OverfullPolicy;
}

export const PromisorOptions: z.ZodType<FilledPromisorOptions, PromisorOptions> = z.object({
  fetch: z
    .custom<Pick<FetchOptions, "filter" | "depth">>((value) => typeof value === "object" && value !== null)
    .default({ filter: "blob:none", depth: 1 }),
  maxCacheBytes: z.union([count, z.literal(Number.POSITIVE_INFINITY)]).default(Number.POSITIVE_INFINITY),
  onOverfull: z
    .union([
      z.enum(["log", "error"]),
      z.custom<(bytes: number, maxBytes: number) => void>((value) => typeof value === "function"),
    ])
    .default("log"),
});

/** How a shared promisor fetches and what it keeps. */
export interface SharedPromisorOptions {
  /** Fetches under way at once. Default 4. */
  readonly maxFetches?: number | undefined;
  /** Objects that one fetch wants. Default 10,000. */
  readonly maxWants?: number | undefined;
  /** Bytes of content that are kept: what was used longest ago goes first, whatever its type. Default: no bound. */
  readonly maxCacheBytes?: number | undefined;
  /** Objects that never go. */
  readonly pinned?: Iterable<Oid> | undefined;
}

/** The options with their defaults. */
export interface FilledSharedPromisorOptions {
  readonly maxFetches: number;
  readonly maxWants: number;
  readonly maxCacheBytes: number;
  readonly pinned: Iterable<Oid>;
}

export const SharedPromisorOptions: z.ZodType<FilledSharedPromisorOptions, SharedPromisorOptions> = z.object({
  maxFetches: count.default(4),
  maxWants: count.default(10_000),
  maxCacheBytes: z.union([count, z.literal(Number.POSITIVE_INFINITY)]).default(Number.POSITIVE_INFINITY),
  pinned: z.custom<Iterable<Oid>>((value) => typeof value === "object" && value !== null).default([]),
});

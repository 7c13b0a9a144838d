import type { Oid } from "@millrace/pack";
import { z } from "zod";
import type { FetchOptions } from "./source/object-source.ts";
import type { StoreCache } from "./store/store-cache.ts";

/** What a fetched pack may cost. */
export interface SourceLimits {
  /** Bytes of one pack. Default 2 GiB. */
  readonly maxPackBytes?: number | undefined;
  /** Objects in one pack. Default 10,000,000. */
  readonly maxObjectCount?: number | undefined;
  /** Bytes of one object. Default 512 MiB. */
  readonly maxObjectBytes?: number | undefined;
  /** Bytes of all objects of one pack, which are in memory at once. Default 4 GiB. */
  readonly maxTotalBytes?: number | undefined;
  /** Bytes of all objects for each byte of their pack. Default 10,000: deflate alone makes 1,032 of one at most. */
  readonly maxInflateRatio?: number | undefined;
  /** Deltas on each other. Default 4,095, the most that git makes. */
  readonly maxDeltaDepth?: number | undefined;
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
  maxTotalBytes: count.default(4 * 1024 ** 3),
  maxInflateRatio: z.number().positive().default(10_000),
  maxDeltaDepth: count.default(4095),
});

const countOrNone = z.union([count, z.literal(Number.POSITIVE_INFINITY)]);

/** How a repository that keeps what is fetched does so. */
export interface StoreCacheOptions {
  /** What one fetched pack may cost; more is refused while it arrives. */
  readonly limits?: SourceLimits | undefined;
  /** Fetched packs after which they are put together, in the background; `Infinity`: never. Default 50. */
  readonly consolidateAfter?: number | undefined;
}

/** The options with their defaults. */
export interface FilledStoreCacheOptions {
  readonly limits: FilledSourceLimits;
  readonly consolidateAfter: number;
}

export const StoreCacheOptions: z.ZodType<FilledStoreCacheOptions, StoreCacheOptions> = z.object({
  limits: SourceLimits.prefault({}),
  consolidateAfter: countOrNone.default(50),
});

/** A partial clone of another repository, as git knows them. */
export interface PartialCloneSettings {
  /** Where the other one is, as git takes it. */
  readonly url: string;
  /** What it is called. Default `origin`. */
  readonly remote?: string | undefined;
  /** What git itself leaves out when it fetches. Default `blob:none`. */
  readonly filter?: string | undefined;
  /** Whether git may tidy the clone up by itself. Default `false`: a store cache does. */
  readonly gitTidies?: boolean | undefined;
}

/** The settings with their defaults. */
export type FilledPartialCloneSettings = {
  readonly [Key in keyof PartialCloneSettings]-?: Exclude<PartialCloneSettings[Key], undefined>;
};

export const PartialCloneSettings: z.ZodType<FilledPartialCloneSettings, PartialCloneSettings> = z.object({
  url: z.string().min(1),
  remote: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/)
    .default("origin"),
  filter: z.string().min(1).default("blob:none"),
  gitTidies: z.boolean().default(false),
});

/** What is done when the cache holds more than it may and nothing is left to be dropped. */
export type OverfullPolicy = "log" | "error" | ((bytes: number, maxBytes: number) => void);

const overfullPolicy = z.union([
  z.enum(["log", "error"]),
  z.custom<(bytes: number, maxBytes: number) => void>((value) => typeof value === "function"),
]);

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
  maxCacheBytes: countOrNone.default(Number.POSITIVE_INFINITY),
  onOverfull: overfullPolicy.default("log"),
});

/**
 * What goes first where there is too much: what was used longest ago, whatever its type, or commits alone, those that came
 * first.
 */
export type EvictionOrder = "lru" | "commits-first-in";

/** How a shared promisor fetches and what it keeps. */
export interface SharedPromisorOptions {
  /** Fetches under way at once. Default 4. */
  readonly maxFetches?: number | undefined;
  /** Objects that one fetch wants. Default 10,000. */
  readonly maxWants?: number | undefined;
  /** Bytes of content that are kept in memory. Default: no bound; 64 MiB with a `store`. */
  readonly maxCacheBytes?: number | undefined;
  /** Default `"lru"`. */
  readonly eviction?: EvictionOrder | undefined;
  /** Where dropping is not enough this happens. Default `"log"`: an event. */
  readonly onOverfull?: OverfullPolicy | undefined;
  /** Objects that never go. */
  readonly pinned?: Iterable<Oid> | undefined;
  /** Where what is fetched goes; memory then holds copies of what is read much. Default: memory alone. Stays the caller's. */
  readonly store?: StoreCache | undefined;
}

/** The options with their defaults. */
export interface FilledSharedPromisorOptions {
  readonly maxFetches: number;
  readonly maxWants: number;
  readonly maxCacheBytes?: number | undefined;
  readonly eviction: EvictionOrder;
  readonly onOverfull: OverfullPolicy;
  readonly pinned: Iterable<Oid>;
  readonly store?: StoreCache | undefined;
}

export const SharedPromisorOptions: z.ZodType<FilledSharedPromisorOptions, SharedPromisorOptions> = z.object({
  maxFetches: count.default(4),
  maxWants: count.default(10_000),
  maxCacheBytes: countOrNone.optional(),
  eviction: z.enum(["lru", "commits-first-in"]).default("lru"),
  onOverfull: overfullPolicy.default("log"),
  pinned: z.custom<Iterable<Oid>>((value) => typeof value === "object" && value !== null).default([]),
  store: z.custom<StoreCache>((value) => typeof value === "object" && value !== null).optional(),
});

/**
 * Mounts a git repository before it is cloned: trees are there at once, files are fetched when they are read.
 *
 * @packageDocumentation
 */
export { BlobCache, openBlobCache } from "./cache/blob-cache.ts";
export { BlobCacheOptions } from "./cache/schema.ts";
export { MountError, type MountErrorCode } from "./errors.ts";
export { type Blobs, EXPLICIT_READ, type OpenBlob, type PrefetchedFile } from "./hydrator/blobs.ts";
export type { HydratorCounts } from "./hydrator/fetcher.ts";
export { Hydrator, type HydratorOptions } from "./hydrator/hydrator.ts";
export { mountRepository, type RepositoryMount, type RepositoryMountOptions } from "./mount-repository.ts";
export { Redirects, type RedirectsOptions } from "./redirect/redirects.ts";
export type { RedirectKind, RedirectStatus, RedirectWish } from "./redirect/schema.ts";
export { openPlace, type Place, type PlaceSetting } from "./place.ts";
export type { BlobReceiver, BlobSource } from "./hydrator/blob-source.ts";
export { openPromisorSource } from "./hydrator/promisor-source.ts";
export { HydratorLimits } from "./hydrator/schema.ts";

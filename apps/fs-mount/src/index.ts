/**
 * Mounts a git repository before it is cloned: trees are there at once, files are fetched when they are read.
 *
 * @packageDocumentation
 */
export { MountError, type MountErrorCode } from "./errors.ts";
export { type Blobs, EXPLICIT_READ, type OpenBlob, type PrefetchedFile } from "./hydrator/blobs.ts";

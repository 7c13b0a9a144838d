import { closeSync } from "node:fs";
import type { Oid } from "@millrace/pack";
import type { OpenBlob } from "../hydrator/blobs.ts";

/**
 * A blob of a cache that can be read by its descriptor, whatever becomes of its file meanwhile. The descriptor is good in
 * every thread of the process: a thread that was handed the number may close it in place of `release`, unless the path is kept.
 */
export interface CachedBlob extends OpenBlob, Disposable {
  readonly oid: Oid;
  /** Where it lies for as long as this is open; only of those that were opened with `keepPath`. */
  readonly path?: string | undefined;
}

/** A blob that is whole. `onRelease` is told when it is released. */
export function wholeBlob(
  oid: Oid,
  fd: number,
  sizeBytes: number,
  { path, onRelease }: { path?: string | undefined; onRelease?: (() => void) | undefined } = {},
): CachedBlob {
  const release = releaseOnce(fd, onRelease);
  return { oid, fd, sizeBytes, path, release, [Symbol.dispose]: release };
}

/** Closes a descriptor the first time it is called. */
export function releaseOnce(fd: number, onRelease?: () => void): () => void {
  let isOpen = true;
  return () => {
    if (!isOpen) return;
    isOpen = false;
    closeSync(fd);
    onRelease?.();
  };
}

import type { Oid } from "@millrace/pack";
import type { Blobs } from "../hydrator/blobs.ts";
import { detailOf, objectOf } from "./content-id.ts";

/** What is fetched and converted so that git's index has the sizes, in bytes of blobs. */
const MAX_BYTES = 64 << 20;
/** What a blob of unknown size counts as. */
const GUESSED_BYTES = 16 << 10;

/**
 * Learns what size contents have as a checkout writes them, where that is another than the blob's: these have to be fetched for it.
 * Of more than 64 MiB nobody asks here, and git looks into those files itself. Where they cannot be had nothing is known.
 */
export async function learnConvertedSizes(
  contents: readonly Oid[],
  sizeOf: (blob: Oid) => number | undefined,
  blobs: Blobs,
  signal?: AbortSignal,
): Promise<ReadonlyMap<Oid, number>> {
  const asked: Oid[] = [];
  let left = MAX_BYTES;
  for (const id of new Set(contents)) {
    if (detailOf(id) === undefined) continue;
    const sizeBytes = sizeOf(objectOf(id)) ?? GUESSED_BYTES;
    if (sizeBytes > left) continue;
    left -= sizeBytes;
    asked.push(id);
  }
  if (asked.length === 0) return new Map();
  try {
    return await blobs.sizeOf(asked, signal);
  } catch {
    signal?.throwIfAborted();
    return new Map();
  }
}

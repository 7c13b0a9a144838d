import { randomUUID } from "node:crypto";
import type { ObjectFormat } from "@millrace/pack";
import { parseLooseRef, type RawRef } from "@millrace/storage";
import { jitter, pause } from "../bucket/attempts.ts";
import type { ListedKey } from "../bucket/bucket.ts";
import type { BarePlace } from "./bare-repository.ts";
import { replaceFile } from "./swap-file.ts";

/**
 * What the file of a ref says while the ref is being deleted. Writes of a key exclude each other, a write and a deletion
 * do not everywhere: Ceph compares `If-Match` first and deletes then, and takes along what was written in between. So the
 * write of a tombstone is what deletes a ref, and its key goes when nobody writes to it: whoever makes the ref again
 * waits until the tombstone is gone, or writes over one that is so old that nobody can be about to delete it.
 */
export interface Tombstone {
  readonly etag: string;
  /** When its write began (`performance.now()`). */
  readonly sinceMs: number;
}

const ATTEMPTS = 5;
const RETRY_DELAY_MS = 20;
const UUID_LENGTH = 36;

/** Length of the file of a tombstone, in bytes. */
export function tombstoneBytes(format: ObjectFormat): number {
  return nullId(format).length + " \n".length + UUID_LENGTH;
}

/** What the file of a ref says; `undefined` where the ref is being deleted. */
export function parseRefFile(text: string, format: ObjectFormat): RawRef | undefined {
  const isTombstone = text.length === tombstoneBytes(format) && text.startsWith(`${nullId(format)} `);
  return isTombstone ? undefined : parseLooseRef(text, format);
}

/**
 * Deletes a ref by its file, if that is still the version that was seen, `undefined` being none; `lost` where another
 * writer was first. No two tombstones are the same, and to git each is a broken ref, which it passes over.
 */
export async function buryRef(
  place: BarePlace,
  key: string,
  format: ObjectFormat,
  seen: string | undefined,
): Promise<Tombstone | "lost"> {
  const sinceMs = performance.now();
  const written = await replaceFile(place, key, `${nullId(format)} ${randomUUID()}\n`, seen);
  return written === "lost" ? written : { etag: written.etag, sinceMs };
}

/** Removes a tombstone of this process, unless somebody took it for abandoned. Never fails: one that stays is no ref. */
export async function removeTombstone(
  place: BarePlace,
  key: string,
  format: ObjectFormat,
  tombstone: Tombstone,
): Promise<void> {
  let mine = tombstone;
  try {
    for (let round = 1; round <= ATTEMPTS; round++) {
      if (performance.now() - mine.sinceMs > place.settings.claimTimeoutMs / 2) {
        const renewed = await buryRef(place, key, format, mine.etag);
        if (renewed === "lost") return;
        mine = renewed;
      }
      const outcome = await place.bucket.deleteIf("ref", key, mine.etag);
      if (outcome.kind !== "unknown") return;
      await pause(jitter(RETRY_DELAY_MS, round));
    }
  } catch {
    // The ref is deleted already.
  }
}

/** Whether whoever wrote a tombstone may still be about to remove it. */
export function isTended({ bucket, settings }: BarePlace, { modifiedMs }: ListedKey): boolean {
  return bucket.nowMs() - modifiedMs < settings.claimTimeoutMs;
}

function nullId(format: ObjectFormat): string {
  return "0".repeat(format === "sha1" ? 40 : 64);
}

import { randomUUID } from "node:crypto";
import { StorageError } from "@millrace/storage";
import { jitter, pause } from "../bucket/attempts.ts";
import type { Fetched } from "../bucket/bucket.ts";
import type { BarePlace } from "./bare-repository.ts";

const RETRY_DELAY_MS = 20;

/**
 * Writes a key if it is still the version that was seen, `undefined` being none, and answers the new version; `lost`
 * where another writer was first. Each write is signed: where its answer does not come, the key is read and the signature
 * looked for. Throws `STORAGE_OUTCOME_UNKNOWN` where that does not settle it.
 */
export async function replaceFile(
  { bucket, settings }: BarePlace,
  key: string,
  content: string | Uint8Array,
  seen: string | undefined,
): Promise<{ readonly etag: string } | "lost"> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const writer = randomUUID();
  const condition = seen === undefined ? ({ isAbsent: true } as const) : { etag: seen };
  return settle(settings.commitTimeoutMs, key, async (isRepeat) => {
    const outcome = await bucket.putIf("ref", key, bytes, condition, { writer });
    if (outcome.kind === "done") return { etag: outcome.etag };
    if (outcome.kind === "lost" && !isRepeat) return "lost";
    const now = await look(bucket.get("ref", key), key);
    if (now?.writer === writer) return { etag: now.etag };
    return now?.etag === seen ? undefined : "unclear";
  });
}

/** Tries until it is known what has become of it. */
async function settle<T>(
  timeoutMs: number,
  key: string,
  attempt: (isRepeat: boolean) => Promise<T | "unclear" | undefined>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let round = 1; ; round++) {
    const outcome = await attempt(round > 1);
    if (outcome === "unclear") throw unknown(key);
    if (outcome !== undefined) return outcome;
    const delay = jitter(RETRY_DELAY_MS, round);
    if (performance.now() + delay > deadline) throw unknown(key);
    await pause(delay);
  }
}

async function look(
  reading: Promise<Fetched | "unchanged" | undefined>,
  key: string,
): Promise<Fetched | undefined> {
  try {
    return (await reading) as Fetched | undefined;
  } catch (cause) {
    throw unknown(key, cause);
  }
}

function unknown(key: string, cause?: unknown): StorageError {
  const message = `${key}: the store's answer was lost: the change may have been made, look before you repeat it`;
  return new StorageError("STORAGE_OUTCOME_UNKNOWN", message, { cause, key });
}

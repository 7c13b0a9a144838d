import { randomUUID } from "node:crypto";
import { StorageError } from "@millrace/storage";
import { jitter, pause } from "../bucket/attempts.ts";
import type { Bucket, WriteOutcome } from "../bucket/bucket.ts";
import { encodeRemoved, encodeState } from "../manifest/codec.ts";
import type { Latest, Version } from "../manifest/latest.ts";
import {
  type RemovedState,
  type RepositoryState,
  sealState,
  withTransaction,
  type Writer,
} from "../manifest/repository-state.ts";

export interface SwapOptions {
  /** How long it goes on trying, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * What to write in the place of a version; `undefined`: nothing. `isFresh` tells whether the version was read after the
 * swap began: `stale` asks for one that was.
 */
export type Propose = (
  version: Version,
  isFresh: boolean,
) => Promise<RepositoryState | RemovedState | "stale" | undefined>;

const RETRY_DELAY_MS = 20;
/** Waits grow so often: who was unlucky for long is not to be so for longer than others. */
const GROWTHS = 4;
/** Transactions are remembered longer than any writer goes on asking for its own. */
const KEPT_FACTOR = 5;

/**
 * Replaces the manifest by compare-and-swap: proposes on what was seen last, and again on each newer version until one
 * is written or nothing is proposed. Each swap has a random id in what it writes. Whenever an answer is not a plain yes,
 * the manifest is read, and the id in it says that the write was done; an answer that is lost is never taken for a no.
 * Throws what `propose` throws (nothing was written then), `STORAGE_IO` where others were quicker for too long, and
 * `STORAGE_OUTCOME_UNKNOWN` where the write may have been done and that cannot be found out.
 */
export async function swap(
  bucket: Bucket,
  latest: Latest,
  options: SwapOptions,
  propose: Propose,
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  const id = randomUUID();
  let isFresh = latest.seen === undefined;
  let version = latest.seen ?? (await latest.refresh());
  /** A write whose answer was lost: it can still be done as long as its version stands. */
  let open: Written | undefined;

  for (let round = 1; ; round++) {
    let written = open;
    if (written === undefined) {
      const proposed = await propose(version, isFresh);
      if (proposed === undefined) return;
      if (proposed === "stale") {
        version = await latest.refresh();
        isFresh = true;
        continue;
      }
      const writer = { id, nowMs: bucket.nowMs(), keptMs: KEPT_FACTOR * options.timeoutMs };
      written = prepare(proposed, writer, version.etag);
    }
    const outcome = await send(bucket, latest.key, written, open !== undefined);
    if (outcome.kind === "done") {
      latest.accept({ etag: outcome.etag, state: written.state });
      return;
    }
    if (outcome.kind === "unknown") open = written;
    const now = await look(latest, open, outcome);
    if (now.state?.transactions.some(([each]) => each === id) === true) return;
    // Once another version stands, a write on the old one can no longer be done.
    if (now.etag !== written.over) open = undefined;
    version = now;
    isFresh = true;
    const delay = jitter(RETRY_DELAY_MS, Math.min(round, 1 + GROWTHS));
    if (performance.now() + delay > deadline) throw tooLate(latest.key, open, outcome);
    await pause(delay);
  }
}

interface Written {
  readonly state: RepositoryState | RemovedState;
  readonly bytes: Uint8Array;
  /** The version it replaces. */
  readonly over: string | undefined;
}

function prepare(
  proposed: RepositoryState | RemovedState,
  writer: Writer,
  over: string | undefined,
): Written {
  if ("removedLife" in proposed) {
    const transactions = withTransaction(proposed.transactions, writer);
    const state = { ...proposed, transactions };
    return { state, bytes: encodeRemoved(state), over };
  }
  const state = sealState(proposed, writer);
  return { state, bytes: encodeState(state), over };
}

/** Writes; a plain refusal after a lost answer leaves open what came of that one. */
async function send(
  bucket: Bucket,
  key: string,
  { bytes, over }: Written,
  isRepeat: boolean,
): Promise<WriteOutcome> {
  const condition = over === undefined ? ({ isAbsent: true } as const) : { etag: over };
  try {
    return await bucket.putIf("manifest", key, bytes, condition);
  } catch (cause) {
    if (!isRepeat) throw cause;
    return { kind: "unknown", cause };
  }
}

/** The newest version; where it cannot be had, what became of the write decides about the error. */
async function look(latest: Latest, open: Written | undefined, outcome: WriteOutcome): Promise<Version> {
  try {
    return await latest.refresh();
  } catch (cause) {
    if (open === undefined && outcome.kind === "lost") throw cause;
    throw unknown(latest.key, cause);
  }
}

function tooLate(key: string, open: Written | undefined, outcome: WriteOutcome): StorageError {
  if (open !== undefined) return unknown(key, outcome.kind === "unknown" ? outcome.cause : undefined);
  return new StorageError("STORAGE_IO", `${key}: other writers were quicker for too long: try again`, {
    key,
  });
}

function unknown(key: string, cause: unknown): StorageError {
  const message = `${key}: the store's answer was lost: the change may have been made, look before you repeat it`;
  return new StorageError("STORAGE_OUTCOME_UNKNOWN", message, { cause, key });
}

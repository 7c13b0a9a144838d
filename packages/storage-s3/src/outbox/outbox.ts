import { dueNotices, type Outbox, type StoredNotice, takeNotices } from "@millrace/storage";
import type { Bucket } from "../bucket/bucket.ts";
import { stateIn } from "../commit/judge.ts";
import { swap } from "../commit/swap.ts";
import type { Latest } from "../manifest/latest.ts";

export interface S3OutboxOptions {
  readonly bucket: Bucket;
  readonly latest: Latest;
  /** How long a write tries to get its turn, in milliseconds. */
  readonly timeoutMs: number;
  /** How long a settled notice waits for a commit to ride on before it is written by itself, in milliseconds. */
  readonly settleMs: number;
}

/** The notices in a manifest. */
export interface S3Outbox extends Outbox {
  /** What of these is not settled; whoever writes the manifest writes only that. */
  unsettled(notices: readonly StoredNotice[]): readonly StoredNotice[];
  /** Writes what is settled and has found no commit to ride on. */
  flush(): Promise<void>;
}

/** What commits to one repository have left to be told, for all who have it open in this process. */
export function createS3Outbox({ bucket, latest, timeoutMs, settleMs }: S3OutboxOptions): S3Outbox {
  /** Settled here; the manifest may have them still. */
  const settled = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  const unsettled: S3Outbox["unsettled"] = (notices) =>
    notices.some(({ id }) => settled.has(id)) ? notices.filter(({ id }) => !settled.has(id)) : notices;

  const seen = (): readonly StoredNotice[] =>
    latest.seen === undefined ? [] : (stateIn(latest.seen)?.notices ?? []);

  /** Forgets which were settled of those that are in no manifest any more. */
  const tidy = (): void => {
    const waiting = new Set(seen().map(({ id }) => id));
    for (const id of settled) if (!waiting.has(id)) settled.delete(id);
  };

  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    tidy();
    if (settled.size === 0) return;
    await swap(bucket, latest, { timeoutMs }, async (version) => {
      const state = stateIn(version);
      const notices = unsettled(state?.notices ?? []);
      return state === undefined || notices === state.notices ? undefined : { ...state, notices };
    });
    tidy();
  };

  return {
    unsettled,
    flush,
    isDue: (idleMs) => seen().length > 0 && dueNotices(unsettled(seen()), idleMs, bucket.nowMs()).length > 0,
    async take(idleMs, { signal } = {}) {
      signal?.throwIfAborted();
      await latest.refresh({ signal });
      let due: readonly StoredNotice[] = [];
      await swap(bucket, latest, { timeoutMs }, async (version) => {
        const state = stateIn(version);
        const notices = unsettled(state?.notices ?? []);
        due = dueNotices(notices, idleMs, bucket.nowMs());
        if (state === undefined || due.length === 0) return undefined;
        return { ...state, notices: takeNotices(notices, due, bucket.nowMs()) };
      });
      return due.map(({ id, text }) => ({ id, text }));
    },
    settle(id) {
      settled.add(id);
      if (timer !== undefined) return;
      // One that fails is told again by somebody, which is what outboxes allow.
      timer = setTimeout(() => void flush().catch(() => undefined), settleMs);
      timer.unref();
    },
  };
}

import type { Oid } from "@millrace/pack";
import type { BlobDraft } from "../cache/blob-draft.ts";
import type { CachedBlob } from "../cache/open-blob.ts";
import type { Queued } from "./task-queue.ts";

/** Somebody who waits for a blob: to open it, until it is whole, or only until its size is known. */
export interface Waiter {
  readonly wants: "open" | "whole" | "size";
  /** Gives the opened blob to those who open it, and its bytes' number to the others. */
  settle(result: CachedBlob | number): void;
  fail(reason: unknown): void;
}

/** A blob that is to be fetched, and everybody who waits for it. It is queued while it has a place in the queue. */
export interface Task extends Queued {
  readonly oid: Oid;
  readonly waiters: Set<Waiter>;
  /** Its priority where nobody waits; 0 where it is fetched for those only who wait. */
  backgroundPriority: number;
  /** The turn in which the cache was seen to have no file. */
  absentIn: number;
  /** The cached file was looked at and is none. */
  mustFetch: boolean;
  /** What has come of it, where it may be read before it is whole. */
  draft: BlobDraft | undefined;
}

export function createTask(oid: Oid): Task {
  return {
    oid,
    waiters: new Set(),
    backgroundPriority: 0,
    absentIn: -1,
    mustFetch: false,
    draft: undefined,
    priority: 0,
    order: 0,
    place: -1,
  };
}

/** Hands a blob to all who wait for it: each gets a descriptor of their own, or its size. */
export function settleTask({ waiters }: Task, sizeBytes: number, open: () => CachedBlob): void {
  for (const waiter of waiters) settleWaiter(waiter, sizeBytes, open);
  waiters.clear();
}

/** Those who need not wait until it is whole. */
export function settleEagerly({ waiters }: Task, draft: BlobDraft, mayRead: boolean): void {
  for (const waiter of waiters) {
    if (waiter.wants === "whole" || (waiter.wants === "open" && !mayRead)) continue;
    waiters.delete(waiter);
    settleWaiter(waiter, draft.sizeBytes, () => draft.open());
  }
}

export function failTask({ waiters }: Task, reason: unknown): void {
  for (const waiter of waiters) waiter.fail(reason);
  waiters.clear();
}

function settleWaiter(waiter: Waiter, sizeBytes: number, open: () => CachedBlob): void {
  if (waiter.wants !== "open") {
    waiter.settle(sizeBytes);
    return;
  }
  let blob: CachedBlob;
  try {
    blob = open();
  } catch (error) {
    waiter.fail(error);
    return;
  }
  waiter.settle(blob);
}

import { randomUUID } from "node:crypto";
import type { RefUpdate } from "./contract.ts";
import { StorageError } from "./errors.ts";
import { MAX_NOTICE_BYTES, MAX_NOTICES, type Notice } from "./outbox.ts";

/** A notice as a backend keeps it. */
export interface StoredNotice extends Notice {
  /** When somebody took it last, by the store's clock, in milliseconds since 1970; who wrote it did so first. */
  readonly takenMs: number;
}

/** Makes the notice that a request wants of the refs that move. Throws `STORAGE_UNSUPPORTED` where it is too long. */
export function makeNotice(
  make: (moved: readonly RefUpdate[]) => string,
  moved: readonly RefUpdate[],
  nowMs: number,
): StoredNotice {
  const text = make(moved);
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes > MAX_NOTICE_BYTES) {
    const message = `a notice of ${sizeBytes} bytes; up to ${MAX_NOTICE_BYTES} can wait`;
    throw new StorageError("STORAGE_UNSUPPORTED", message);
  }
  return { id: randomUUID(), text, takenMs: nowMs };
}

/** The notices with one more; what is too many goes, the oldest first. */
export function addNotice(notices: readonly StoredNotice[], notice: StoredNotice): readonly StoredNotice[] {
  return [...notices, notice].slice(-MAX_NOTICES);
}

/** Which notices nobody has taken for so long. */
export function dueNotices(
  notices: readonly StoredNotice[],
  idleMs: number,
  nowMs: number,
): readonly StoredNotice[] {
  return notices.filter(({ takenMs }) => nowMs - takenMs >= idleMs);
}

/** The notices once those were taken. */
export function takeNotices(
  notices: readonly StoredNotice[],
  taken: readonly StoredNotice[],
  nowMs: number,
): readonly StoredNotice[] {
  const ids = new Set(taken.map(({ id }) => id));
  return notices.map((notice) => (ids.has(notice.id) ? { ...notice, takenMs: nowMs } : notice));
}

import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { event } from "@millrace/telemetry";
import { errnoOf, ifPresent } from "./fault.ts";
import type { LockNotes } from "./lock-notes.ts";
import type { SharedModes } from "./shared-modes.ts";

/** A lock as git takes it: `<path>.lock`, made only where there is none, renamed to `<path>` or removed. */
export interface LockFile {
  /** The file it protects. */
  readonly path: string;
  readonly lockPath: string;
  /** The new content. */
  write(content: string, sync: boolean): Promise<void>;
  /** Puts what was written in the file's place; the lock is gone then. */
  commit(): Promise<void>;
  /** Removes the lock if it is still held, and tells whether it was. */
  release(): Promise<boolean>;
}

/** How long to wait. */
export interface WaitOptions {
  readonly timeoutMs: number;
  /** What telemetry calls it. */
  readonly operation: string;
  readonly signal?: AbortSignal | undefined;
}

/** How a repository's locks are made. */
export interface LockMaking {
  readonly modes: SharedModes;
  /** Where each lock that is held is noted; absent where none is. */
  readonly notes?: LockNotes | undefined;
}

/** What a lock is made with. */
export interface LockContent extends LockMaking {
  /** Written at once where it is given; no file stays open then. */
  readonly content?: string | undefined;
  readonly sync?: boolean | undefined;
}

export interface LockOptions extends WaitOptions, LockContent {}

/** Somebody else holds the lock and did not let go in time. */
export class LockTimeoutError extends Error {
  override readonly name = "LockTimeoutError";
  readonly lockPath: string;

  constructor(lockPath: string) {
    super(`${lockPath} exists: another process is writing, or one has crashed and left it`);
    this.lockPath = lockPath;
  }
}

const FIRST_DELAY_MS = 1;
const LONGEST_DELAY_MS = 50;

/** Waits between attempts, longer each time, with full jitter so that waiting writers spread. */
export interface Backoff {
  /** Waits; `false` where the time is up. Throws `signal.reason`. */
  wait(): Promise<boolean>;
}

/** Starts a backoff. */
export function createBackoff({ timeoutMs, operation, signal }: WaitOptions): Backoff {
  const deadline = performance.now() + timeoutMs;
  let attempt = 0;
  return {
    async wait() {
      signal?.throwIfAborted();
      const left = deadline - performance.now();
      if (left <= 0) return false;
      const delayMs =
        Math.min(left, LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt) * (0.2 + 0.8 * Math.random());
      attempt++;
      event("storage.retry", { attempt, delay_ms: delayMs }, { backend: "fs", operation });
      await setTimeout(delayMs);
      return true;
    },
  };
}

/**
 * Takes the lock on a file, making its directory where that is missing.
 * Throws `LockTimeoutError`; the system's error where a directory on the way is a file (`ENOTDIR`, `EEXIST` from mkdir).
 */
export async function acquireLock(path: string, options: LockOptions): Promise<LockFile> {
  const backoff = createBackoff(options);
  for (;;) {
    options.signal?.throwIfAborted();
    const lock = await tryLock(path, options);
    if (lock !== undefined) return lock;
    if (!(await backoff.wait())) throw new LockTimeoutError(`${path}.lock`);
  }
}

/** Takes the lock on a file if nobody holds it, else gives nothing. Throws the system's errors as `acquireLock`. */
export async function tryLock(path: string, options: LockContent): Promise<LockFile | undefined> {
  const lockPath = `${path}.lock`;
  for (;;) {
    let handle: FileHandle;
    try {
      handle = await (options.notes?.make(lockPath) ?? open(lockPath, "wx", 0o666));
    } catch (error) {
      const code = errnoOf(error);
      if (code === "EEXIST") return undefined;
      if (code !== "ENOENT") throw error;
      // Another writer may remove the directory again while it is empty; then once more.
      await options.modes.makeDirectory(dirname(lockPath));
      continue;
    }
    const lock = createLock(path, handle, options.notes);
    try {
      if (options.content !== undefined) await lock.write(options.content, options.sync === true);
      await options.modes.adjust(lockPath);
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }
}

function createLock(path: string, opened: FileHandle, notes: LockNotes | undefined): LockFile {
  const lockPath = `${path}.lock`;
  let handle: FileHandle | undefined = opened;
  let held = true;
  const close = async (): Promise<void> => {
    const open = handle;
    handle = undefined;
    await open?.close();
  };
  return {
    path,
    lockPath,
    async write(content, sync) {
      if (content !== "") await handle?.writeFile(content);
      if (sync && content !== "") await handle?.sync();
      await close();
    },
    async commit() {
      await close();
      await rename(lockPath, path);
      held = false;
      await notes?.forget(lockPath);
    },
    async release() {
      if (!held) return false;
      held = false;
      try {
        await close();
      } finally {
        await ifPresent(unlink(lockPath));
        await notes?.forget(lockPath);
      }
      return true;
    },
  };
}

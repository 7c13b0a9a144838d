import type { OperationOptions } from "@millrace/pack";
import type { Bucket } from "../bucket/bucket.ts";
import { decodeManifest } from "./codec.ts";
import type { RemovedState, RepositoryState } from "./repository-state.ts";

/** What is under a repository's key, and the version that tells it from others; both absent where nothing is there. */
export interface Version {
  readonly etag: string | undefined;
  readonly state: RepositoryState | RemovedState | undefined;
}

/** The manifest of one repository as this process knows it. */
export interface Latest {
  readonly key: string;
  /** The version seen last; older than the store's, perhaps. `undefined`: not looked yet. */
  readonly seen: Version | undefined;
  /**
   * What the store has now. The request that answers began after this call did, so that nothing that was done before
   * is missed; who asks meanwhile shares the next one.
   */
  refresh(options?: OperationOptions): Promise<Version>;
  /** Takes in what this process has written. */
  accept(version: Version): void;
}

/** Follows the manifest under a key; an unchanged one is not sent again. */
export function createLatest(bucket: Bucket, key: string): Latest {
  let seen: Version | undefined;
  let running: Promise<Version> | undefined;
  let next: Promise<Version> | undefined;

  const read = async (): Promise<Version> => {
    const known = seen;
    const found = await bucket.get("manifest", key, { known: known?.etag });
    if (found === "unchanged") return accept(known as Version);
    if (found === undefined) return accept({ etag: undefined, state: undefined });
    return accept({ etag: found.etag, state: decodeManifest(found.bytes, key) });
  };

  /** What was written meanwhile is newer than an answer that was on its way. */
  const accept = (version: Version): Version => {
    const [old, fresh] = [seen?.state, version.state];
    const isOlder =
      old !== undefined &&
      fresh !== undefined &&
      "generation" in old &&
      "generation" in fresh &&
      old.life === fresh.life &&
      old.generation > fresh.generation;
    return isOlder ? (seen as Version) : (seen = version);
  };

  const start = (): Promise<Version> => {
    const reading = read().finally(() => {
      if (running === reading) running = undefined;
    });
    return (running = reading);
  };

  const follow = async (before: Promise<Version>): Promise<Version> => {
    await before.catch(() => undefined);
    next = undefined;
    return start();
  };

  return {
    key,
    get seen() {
      return seen;
    },
    async refresh({ signal } = {}) {
      signal?.throwIfAborted();
      return untilAborted(running === undefined ? start() : (next ??= follow(running)), signal);
    },
    accept: (version) => void accept(version),
  };
}

/** Waits for what others wait for too: who leaves early ends the wait, not the work. Throws `signal.reason`. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  work.catch(() => undefined);
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener("abort", stop);
  }
}

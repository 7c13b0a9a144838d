import { randomUUID } from "node:crypto";
import type { OperationOptions } from "@millrace/pack";
import { StorageError } from "@millrace/storage";
import type { Bucket } from "../bucket/bucket.ts";
import { stateIn } from "../commit/judge.ts";
import { swap } from "../commit/swap.ts";
import type { Latest } from "../manifest/latest.ts";
import type { RepositoryState } from "../manifest/repository-state.ts";

/** The right to tidy one repository up, which its manifest says who has. */
export interface Lease {
  readonly id: string;
  /** When it was taken, by the store's clock, in milliseconds since 1970. */
  readonly takenMs: number;
  /** Gives it back. Where the store does not answer it runs out by itself. */
  release(): Promise<void>;
}

export interface LeaseOptions extends OperationOptions {
  readonly bucket: Bucket;
  readonly latest: Latest;
  readonly name: string;
  /** The life of the repository that is meant. */
  readonly life: string;
  /** How long it lasts if it is not renewed, as where its holder was killed, in milliseconds. */
  readonly leaseMs: number;
  /** How long a write tries to get its turn, in milliseconds. */
  readonly timeoutMs: number;
}

const RENEWALS = 3;

/**
 * Takes the lease and renews it until it is given back. No lock is needed for safety: a removal is committed on a manifest
 * that names this lease, and on no other. It is there so that the work of all but one is not in vain.
 * Throws `STORAGE_BUSY` where somebody has it, `STORAGE_NOT_FOUND`.
 */
export async function takeLease(options: LeaseOptions): Promise<Lease> {
  const { bucket, latest, name, life, leaseMs, timeoutMs, signal } = options;
  const id = randomUUID();

  /** Writes what is to stand in the place of this lease; where it is another's by now, nothing. */
  const replace = (lease: () => RepositoryState["lease"]): Promise<void> =>
    swap(bucket, latest, { timeoutMs }, async (version, isFresh) => {
      const state = stateIn(version);
      if (state?.life !== life || state.lease?.id !== id) return isFresh ? undefined : "stale";
      return { ...state, lease: lease() };
    });
  const lasting = (): RepositoryState["lease"] => ({ id, untilMs: bucket.nowMs() + leaseMs });

  await latest.refresh({ signal });
  await swap(bucket, latest, { timeoutMs }, async (version) => {
    signal?.throwIfAborted();
    const state = stateIn(version);
    if (state?.life !== life)
      throw new StorageError("STORAGE_NOT_FOUND", `${name} was removed`, { key: name });
    const { lease } = state;
    if (lease !== undefined && lease.untilMs > bucket.nowMs()) {
      const seconds = Math.ceil((lease.untilMs - bucket.nowMs()) / 1000);
      const message = `${name} is being tidied up by somebody else; where they were killed, until ${seconds} s from now`;
      throw new StorageError("STORAGE_BUSY", message, { key: name });
    }
    return { ...state, lease: lasting() };
  });
  const takenMs = bucket.nowMs();

  let renewing: Promise<void> | undefined;
  const timer = setInterval(() => {
    // One that does not go well is not the last.
    renewing ??= replace(lasting)
      .catch(() => undefined)
      .finally(() => {
        renewing = undefined;
      });
  }, leaseMs / RENEWALS);
  timer.unref();
  return {
    id,
    takenMs,
    async release() {
      clearInterval(timer);
      await renewing;
      await replace(() => undefined).catch(() => undefined);
    },
  };
}

import { type Storage, StorageError } from "@millrace/storage";
import type { Courier } from "./courier.ts";

export interface RoundOptions {
  readonly storage: Storage;
  readonly courier: Pick<Courier, "takeUp">;
  /** Told of repositories that cannot be looked into; the round goes on with the next. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Looks into all repositories, one after the other, for pushes that nobody has told of: who took them may be dead, and
 * nobody may ever ask for the repository again. Throws what listing throws, and ends quietly with `signal`.
 */
export async function goRound(
  { storage, courier, onFault }: RoundOptions,
  signal: AbortSignal,
): Promise<void> {
  for await (const name of storage.list({ signal })) {
    try {
      const store = await storage.open(name, { signal });
      try {
        await courier.takeUp(store);
      } finally {
        await store[Symbol.asyncDispose]();
      }
    } catch (error) {
      if (signal.aborted) return;
      // It may have gone since it was listed.
      if (!(error instanceof StorageError && error.code === "STORAGE_NOT_FOUND")) onFault(error);
    }
    if (signal.aborted) return;
  }
}

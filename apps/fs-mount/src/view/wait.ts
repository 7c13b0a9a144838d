import { setMaxListeners } from "node:events";

/**
 * Waits for what goes on anyway, for as long as `signal` lets it: who leaves ends nothing for others.
 * Throws `signal.reason`, and what the promise rejects with.
 */
export async function waitFor<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  setMaxListeners(0, signal);
  let leave: () => void = () => undefined;
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason as Error);
    signal.addEventListener("abort", leave, { once: true });
  });
  try {
    return await Promise.race([promise, left]);
  } finally {
    signal.removeEventListener("abort", leave);
    promise.catch(() => undefined);
  }
}

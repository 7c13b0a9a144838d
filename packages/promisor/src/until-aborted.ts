import { setMaxListeners } from "node:events";

/** What `work` comes to, unless the signal is aborted before: throws `signal.reason` then, and `work` goes on by itself. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  // Many may wait under one signal.
  setMaxListeners(0, signal);
  let leave: () => void = () => undefined;
  try {
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason as Error);
      signal.addEventListener("abort", leave, { once: true });
    });
    return await Promise.race([work, left]);
  } finally {
    signal.removeEventListener("abort", leave);
    // Whoever has left does not hear of its end.
    work.catch(() => undefined);
  }
}

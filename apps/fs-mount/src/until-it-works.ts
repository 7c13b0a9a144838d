import { setTimeout } from "node:timers/promises";
import { Backoff } from "./daemon/backoff.ts";
import { isPassing } from "./passing-fault.ts";

/** The first wait before another attempt, and the longest one, in milliseconds. */
const FIRST_MS = 500;
const LONGEST_MS = 60_000;

/**
 * Does something until it succeeds: what a server or a network may get over is waited for, a little longer each time.
 * @param onFault told of what went wrong, whether it is tried again or not
 * @throws `signal.reason`, and what does not pass
 */
export async function untilItWorks<T>(
  attempt: () => Promise<T>,
  { signal, onFault }: { readonly signal: AbortSignal; readonly onFault: (error: unknown) => void },
): Promise<T> {
  const backoff = new Backoff(FIRST_MS, LONGEST_MS);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      onFault(error);
      if (!isPassing(error)) throw error;
    }
    await setTimeout(backoff.next(), undefined, { signal });
  }
}

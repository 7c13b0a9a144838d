import { setTimeout as sleep } from "node:timers/promises";
import { kindOf } from "./fault.ts";

/** How often and how long something is tried. */
export interface AttemptPolicy {
  readonly attemptTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
}

const MAX_DELAY_MS = 5000;

/**
 * For requests without a condition. Tries until it goes well, until a fault that will not pass, or until time or attempts are used up; waits grow and are
 * drawn at random, so that those who failed together do not come back together. Throws the last fault as it came, or
 * `signal.reason`.
 */
export async function inAttempts<T>(
  policy: AttemptPolicy,
  signal: AbortSignal | undefined,
  attempt: (signal: AbortSignal, count: number) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + policy.requestTimeoutMs;
  for (let count = 1; ; count++) {
    try {
      return await once(policy.attemptTimeoutMs, signal, (each) => attempt(each, count));
    } catch (error) {
      signal?.throwIfAborted();
      const delay = jitter(policy.retryDelayMs, count);
      const isLast = count >= policy.maxAttempts || performance.now() + delay > deadline;
      if (isLast || !mayPass(error)) throw error;
      await pause(delay, signal);
    }
  }
}

/** What is asked here has no condition to lose by: a conflict is somebody else being served (an upload that two give up). */
function mayPass(error: unknown): boolean {
  const kind = kindOf(error);
  return kind === "transient" || kind === "lost";
}

/** One attempt with a deadline of its own. Throws `signal.reason` where that is why it ended. */
export async function once<T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await attempt(signal === undefined ? timeout : AbortSignal.any([signal, timeout]));
  } catch (error) {
    signal?.throwIfAborted();
    throw timeout.aborted ? timeout.reason : error;
  }
}

/** A wait before try number `count + 1`: anything up to a bound that doubles each time. */
export function jitter(baseMs: number, count: number): number {
  return Math.random() * Math.min(MAX_DELAY_MS, baseMs * 2 ** (count - 1));
}

/** Waits. Throws `signal.reason`. */
export async function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

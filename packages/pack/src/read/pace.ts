import { setImmediate } from "node:timers/promises";

/** Lets long synchronous work give way to other work on the event loop. */
export interface Pace {
  /** Whether the loop has waited for its turn long enough; cheap, but not free: ask every few dozen steps. */
  isDue(): boolean;
  /** Gives way, then starts the next stretch. Throws `signal.reason` where aborted meanwhile. */
  rest(signal?: AbortSignal): Promise<void>;
}

/** Work in steps of a few milliseconds, between which it may be interrupted. */
export type Steps<T> = Generator<void, T, void>;

/** Does all steps at once. */
export function finishAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Does all steps, giving way between them. Throws `signal.reason`. */
export async function finishPaced<T>(
  steps: Steps<T>,
  pace: Pace,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (pace.isDue()) await pace.rest(signal);
  }
}

/** Makes a pace of stretches of `stretchMs` (default 8 ms). */
export function createPace(stretchMs = 8): Pace {
  let start = performance.now();
  return {
    isDue: () => performance.now() - start >= stretchMs,
    async rest(signal) {
      await setImmediate();
      signal?.throwIfAborted();
      start = performance.now();
    },
  };
}

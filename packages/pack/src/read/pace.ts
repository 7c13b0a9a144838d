import { setImmediate } from "node:timers/promises";

/** Lets long synchronous work give way to other work on the event loop. */
export interface Pace {
  /** Whether the loop has waited for its turn long enough; cheap, but not free: ask every few dozen steps. */
  isDue(): boolean;
  /** Gives way, then starts the next stretch. Throws `signal.reason` where aborted meanwhile. */
  rest(signal?: AbortSignal): Promise<void>;
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

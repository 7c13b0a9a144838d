import { setImmediate as nextTurn } from "node:timers/promises";

/** How long work may keep others from their turn, in milliseconds. */
const STRETCH_MS = 8;

/** Lets others have their turn in the middle of work that never waits. */
export class Pace {
  #startedAt = performance.now();

  /** Whether the work has gone on long enough. */
  isDue(): boolean {
    return performance.now() - this.#startedAt > STRETCH_MS;
  }

  /** Gives way. Throws `signal.reason`. */
  async rest(signal: AbortSignal | undefined): Promise<void> {
    await nextTurn();
    signal?.throwIfAborted();
    this.#startedAt = performance.now();
  }
}

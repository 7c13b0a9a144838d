import { setImmediate as nextTurn } from "node:timers/promises";

const TURN_MS = 8;
const STEPS_BETWEEN_LOOKS = 32;

/** Lets the event loop run now and then during long work whose awaits settle at once. */
export interface Breather {
  /** Counts one step; a promise to await where the loop's turn has come, else `undefined`. Throws `signal.reason` after an abort. */
  step(): Promise<void> | undefined;
}

/** Makes a breather that gives the loop a turn about every 8 ms. */
export function createBreather(signal?: AbortSignal): Breather {
  let steps = 0;
  let turnEnds = performance.now() + TURN_MS;
  const breathe = async (): Promise<void> => {
    await nextTurn();
    turnEnds = performance.now() + TURN_MS;
    signal?.throwIfAborted();
  };
  return {
    step() {
      if (++steps % STEPS_BETWEEN_LOOKS !== 0) return undefined;
      return performance.now() < turnEnds ? undefined : breathe();
    },
  };
}

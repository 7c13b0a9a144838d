import { StorageError } from "@millrace/storage";

/** The time as the store has it: clocks of the machines around it differ, and files are told of in its own. */
export interface StoreClock {
  /**
   * Whole milliseconds since 1970: never ahead of the store, and behind it by no more than a second and what an answer
   * takes. Throws `STORAGE_UNSUPPORTED` where the store has told no time yet.
   */
  nowMs(): number;
  /** Takes in the `Date` of an answer, with when it was asked for and when it came (`performance.now()`). */
  hear(date: string | undefined, askedMs: number, answeredMs: number): void;
}

/** `Date` is told in whole seconds. */
const TICK_MS = 1000;

/**
 * Follows the store's clock. Each answer says between which bounds it is ahead of this process's steady clock; what all of
 * them say together is known the better the more there are. An answer that goes with none before it, since a clock was
 * set or the machine has slept, begins anew.
 */
export function createStoreClock(): StoreClock {
  let least = Number.NaN;
  let most = Number.NaN;
  return {
    nowMs() {
      if (!Number.isNaN(least)) return Math.floor(least + performance.now());
      throw new StorageError("STORAGE_UNSUPPORTED", "the store tells no time: its answers have no Date");
    },
    hear(date, askedMs, answeredMs) {
      const told = Date.parse(date ?? "");
      if (Number.isNaN(told)) return;
      const [low, high] = [told - answeredMs, told + TICK_MS - askedMs];
      const fits = low <= most && high >= least;
      least = fits ? Math.max(least, low) : low;
      most = fits ? Math.min(most, high) : high;
    },
  };
}

/** What the store gives no date is never taken for old. */
export function timeOf(date: Date | undefined): number {
  return date?.getTime() ?? Number.POSITIVE_INFINITY;
}

/** What ended a wait. */
export type Waking = "rung" | "silent";

/** Lets one loop wait for whoever rings, and notice when it has said nothing for a while. */
export interface Bell {
  /** Ends the wait, or the next one where nobody waits. */
  ring(): void;
  /** Waits for a ring, or until `silenceMs` after `spoke` was called last. */
  wait(): Promise<Waking>;
  /** Something was said: the silence begins anew. */
  spoke(): void;
  close(): void;
}

/** @param silenceMs how long a silence may last; 0: for ever. */
export function createBell(silenceMs: number): Bell {
  let waiting: ((waking: Waking) => void) | undefined;
  let rung = false;
  const wake = (waking: Waking): void => {
    const resolve = waiting;
    waiting = undefined;
    resolve?.(waking);
  };
  // A silence that ends while nobody waits is the consumer's, not the loop's.
  const timer = silenceMs > 0 ? setTimeout(wake, silenceMs, "silent") : undefined;
  return {
    ring() {
      if (waiting === undefined) rung = true;
      else wake("rung");
    },
    wait: async () =>
      await new Promise<Waking>((resolve) => {
        if (rung) resolve("rung");
        else waiting = resolve;
        rung = false;
      }),
    spoke() {
      timer?.refresh();
    },
    close() {
      clearTimeout(timer);
    },
  };
}

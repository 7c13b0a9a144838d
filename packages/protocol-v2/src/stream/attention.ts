/** Why a wait ended. */
export type Wakeup = "settled" | "notified" | "silent";

/** Waits for one of three: work that settles, a notification, or silence that has lasted too long. */
export interface Attention {
  /** Ends the current wait, or the next one at once. */
  notify(): void;
  /**
   * Settled work comes last: what was notified before is told first. Throws the signal's reason once it is aborted;
   * rejections of the work are the caller's to read from the work itself.
   */
  wait(work: Promise<unknown>, listenForSilence: boolean): Promise<Wakeup>;
  /** Lets go of the timer and the signal. */
  release(): void;
}

/** `silenceMs` 0 is never. */
export function createAttention(silenceMs: number, signal: AbortSignal): Attention {
  let notified = false;
  let wake: ((why: Wakeup) => void) | undefined;
  let abort: ((reason: unknown) => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let watched: Promise<unknown> | undefined;
  let settled = false;

  const onAbort = (): void => abort?.(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });

  const watch = (work: Promise<unknown>): void => {
    if (watched === work) return;
    watched = work;
    settled = false;
    const settle = (): void => {
      if (watched !== work) return;
      settled = true;
      wake?.("settled");
    };
    work.then(settle, settle);
  };

  return {
    notify() {
      if (wake === undefined) notified = true;
      else wake("notified");
    },
    async wait(work, listenForSilence) {
      // First of all: work that is not watched would reject with nobody listening.
      watch(work);
      signal.throwIfAborted();
      if (notified) {
        notified = false;
        return "notified";
      }
      if (settled) return "settled";
      try {
        return await new Promise<Wakeup>((resolve, reject) => {
          wake = resolve;
          abort = reject;
          if (listenForSilence && silenceMs > 0) timer = setTimeout(resolve, silenceMs, "silent");
        });
      } finally {
        clearTimeout(timer);
        wake = undefined;
        abort = undefined;
      }
    },
    release() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
}

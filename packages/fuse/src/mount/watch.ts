/** A time limit is looked at in so many steps. */
const STEPS = 4;

/** Finds out that a serving thread hangs, or that it never answers a request. */
export interface Watch {
  /** The thread has told how many steps its oldest request has waited for. */
  heard(steps: number): void;
  stop(): void;
}

/**
 * Asks a thread again and again for the age of its oldest request.
 * @param hungAfterMs how old a request may become; up to a quarter more passes before it is noticed
 * @param ask reaches the thread, and is answered by `heard`
 * @param onHung called once
 */
export function watchAnswers(hungAfterMs: number, ask: () => void, onHung: () => void): Watch {
  let unanswered = 0;
  const stop = (): void => clearInterval(timer);
  const hung = (): void => {
    stop();
    onHung();
  };
  const timer = setInterval(() => {
    if (unanswered > STEPS) {
      hung();
      return;
    }
    unanswered++;
    ask();
  }, hungAfterMs / STEPS).unref();
  return {
    heard(steps) {
      unanswered = 0;
      if (steps > STEPS) hung();
    },
    stop,
  };
}

/** Those who wait until an arriving blob reaches a place. */
export class RangeWaits {
  readonly #waits = new Set<{ readonly end: number; settle(error?: unknown): void }>();

  /** Waits until `end` bytes are there. Throws what `fail` was given, and `signal.reason`, which ends this wait alone. */
  until(end: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const settle = (...failure: [error?: unknown]): void => {
        signal?.removeEventListener("abort", leave);
        this.#waits.delete(wait);
        if (failure.length === 0) resolve();
        else reject(failure[0]);
      };
      const leave = (): void => settle(signal?.reason);
      const wait = { end, settle };
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      signal?.addEventListener("abort", leave, { once: true });
      this.#waits.add(wait);
    });
  }

  /** As many bytes are there now. */
  reach(end: number): void {
    for (const wait of this.#waits) if (wait.end <= end) wait.settle();
  }

  /** No more will come. */
  fail(error: unknown): void {
    for (const wait of this.#waits) wait.settle(error);
  }
}

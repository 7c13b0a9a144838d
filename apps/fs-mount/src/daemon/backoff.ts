/** How long to wait before something that has failed is tried again: twice as long each time, up to a bound. */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #nextMs: number;

  constructor(firstMs: number, maxMs: number) {
    this.#firstMs = firstMs;
    this.#maxMs = Math.max(firstMs, maxMs);
    this.#nextMs = firstMs;
  }

  /** Milliseconds to wait now. */
  next(): number {
    const now = this.#nextMs;
    this.#nextMs = Math.min(now * 2, this.#maxMs);
    return now;
  }

  /** It has worked: the next fault waits the shortest time. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}

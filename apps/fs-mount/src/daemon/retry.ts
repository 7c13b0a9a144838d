import { Backoff } from "./backoff.ts";

/** Waits grow up to this many times the first one. */
const GROWTH = 10;

/** Something that is tried again after a while, and after a longer one each time. */
export class Retry {
  readonly #attempt: () => void;
  readonly #backoff: Backoff;
  #timer: NodeJS.Timeout | undefined;

  /** @param firstMs the first wait, in milliseconds; it doubles up to ten times that */
  constructor(firstMs: number, attempt: () => void) {
    this.#attempt = attempt;
    this.#backoff = new Backoff(firstMs, firstMs * GROWTH);
  }

  /** Plans the next attempt, in place of one that was planned. */
  plan(): void {
    this.cancel();
    this.#timer = setTimeout(this.#attempt, this.#backoff.next());
  }

  /** Nothing is planned any more. */
  cancel(): void {
    clearTimeout(this.#timer);
  }

  /** It has worked: the next fault waits the shortest time. */
  reset(): void {
    this.#backoff.reset();
  }
}

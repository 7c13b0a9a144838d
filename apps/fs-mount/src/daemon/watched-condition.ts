import { waitFor } from "../view/wait.ts";
import { after, type Condition, type Happening, stateOf } from "./condition.ts";

/** How it stands with a mount, for those who want to know when that changes. */
export class WatchedCondition {
  readonly #log: (text: string) => void;
  readonly #watching = new Set<() => void>();
  #now: Condition;

  /** @param log is told of each other state, and of what goes wrong */
  constructor(first: Condition, log: (text: string) => void) {
    this.#now = first;
    this.#log = log;
  }

  get now(): Condition {
    return this.#now;
  }

  /** Something has happened. */
  note(happening: Happening): void {
    const before = this.#now;
    this.#now = after(before, happening);
    const state = stateOf(this.#now);
    if (state !== stateOf(before) || "error" in happening) {
      this.#log(`${state}${"error" in happening ? `: ${happening.error}` : ""}`);
    }
    for (const wake of this.#watching) wake();
  }

  /** Resolves when something has happened. Throws `signal.reason`. */
  async changed(signal: AbortSignal): Promise<void> {
    let wake = (): void => undefined;
    const change = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#watching.add(wake);
    try {
      await waitFor(change, signal);
    } finally {
      this.#watching.delete(wake);
    }
  }
}

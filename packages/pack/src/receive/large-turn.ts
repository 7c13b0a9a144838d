import { setTimeout as delay } from "node:timers/promises";
import { threadId } from "node:worker_threads";

/** Whoever holds objects above this size waits for the turn. */
export const LARGE_BYTES: number = 32 * 1024 * 1024;

/**
 * Whose turn it is to hold large objects in this process: one more than a thread's id, 0 for nobody. A delta's base and
 * result lie in memory whole, a GiB of it where both are as large as git makes deltas of, and each thread's memory only
 * ever grows. So of all packs and threads one at a time works on such objects, and gives the turn back when its memory
 * is free: a thread of a pool when it has ended.
 */
export const largeTurn: Int32Array = new Int32Array(new SharedArrayBuffer(4));

/** The mark of a thread that has the turn. */
export function turnMark(id: number): number {
  return id + 1;
}

/** Gives the turn back for a thread, if it has it. */
export function giveTurnBack(turn: Int32Array, id: number): void {
  Atomics.compareExchange(turn, 0, turnMark(id), 0);
}

/** How often one looks whether it is one's turn. */
export const TURN_MS = 20;

/** Does work with large objects in its turn. Throws `signal.reason`. */
export async function inTurn(signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
  const turn = new LargeTurn(largeTurn);
  while (!turn.take()) {
    await delay(TURN_MS);
    signal?.throwIfAborted();
  }
  try {
    await work();
  } finally {
    turn.giveBack();
  }
}

/** One pack's part in the turn, on one thread. */
export class LargeTurn {
  readonly #turn: Int32Array;
  #isOurs = false;

  constructor(turn: Int32Array) {
    this.#turn = turn;
  }

  /** Whether the turn is ours; takes it where nobody has it. */
  take(): boolean {
    this.#isOurs ||= Atomics.compareExchange(this.#turn, 0, 0, turnMark(threadId)) === 0;
    return this.#isOurs;
  }

  giveBack(): void {
    if (this.#isOurs) giveTurnBack(this.#turn, threadId);
    this.#isOurs = false;
  }
}

import type { Oid } from "@millrace/pack";
import type { FileOrder } from "./file-order.ts";

/** Somebody who opens one file after the other. */
interface Walker {
  /** The position that was opened last. */
  last: number;
  /** Those before this one were offered. */
  end: number;
  /** How many files are offered next. */
  window: number;
  /** Files that were opened in order. */
  steps: number;
}

/** How far behind the last one a file may be that counts as the next. */
const STRIDE = 16;
/** Files opened in order after which somebody is taken for a walker. */
const STEPS = 3;
const FIRST_WINDOW = 256;
/** Where what was offered was not there when it was wanted, less is offered at once, and this much at least. */
const LEAST_WINDOW = 16;
/** Those who walk at once; of more, the one who was quiet longest is forgotten. */
const MAX_WALKERS = 8;

/**
 * Tells which files are opened next where somebody walks over a tree (`grep -r`, `find -exec`, a compiler), as a disk's read-ahead
 * does for one file: more with each step, across directories, and none twice, unless it did not come or is gone again.
 */
export class WalkAhead {
  readonly order: FileOrder;
  readonly #maxWindow: number;
  /** Files that were offered or opened. */
  readonly #isSeen: Uint8Array;
  readonly #walkers: Walker[] = [];

  /** @param maxWindow files that are offered at once */
  constructor(order: FileOrder, maxWindow: number) {
    this.order = order;
    this.#maxWindow = maxWindow;
    this.#isSeen = new Uint8Array(order.length);
  }

  /**
   * A file was opened. Answers those that are likely to be opened next and were not offered before, in order.
   * @param isMissed it was not there, nor on its way
   */
  opened(oid: Oid, isMissed: boolean): readonly Oid[] {
    const at = this.order.find(oid);
    if (at < 0) return [];
    const walker = this.#walkerAt(at);
    if (isMissed && this.#isSeen[at] === 1) this.#withdraw(walker, at);
    this.#isSeen[at] = 1;
    if (at <= walker.last) return [];
    walker.last = at;
    walker.steps++;
    if (walker.steps < STEPS || walker.end - at > walker.window / 2) return [];
    return this.#offer(walker, at + 1);
  }

  /** Whoever comes to this file from just before it, or from within what was offered; else somebody new. */
  #walkerAt(at: number): Walker {
    const index = this.#walkers.findIndex(
      ({ last, end }) => at >= last - STRIDE && (at <= last + STRIDE || at < end),
    );
    const walker =
      index === -1
        ? { last: at - 1, end: at, window: FIRST_WINDOW, steps: 0 }
        : this.#walkers.splice(index, 1)[0]!;
    this.#walkers.unshift(walker);
    if (this.#walkers.length > MAX_WALKERS) this.#walkers.pop();
    return walker;
  }

  /** What was here, or was to be here, is not: what comes next is offered again, less of it at once. */
  #withdraw(walker: Walker, at: number): void {
    this.#isSeen.fill(0, at + 1, at + 1 + this.#maxWindow);
    walker.end = at + 1;
    walker.window = Math.max(LEAST_WINDOW, walker.window >> 2);
  }

  #offer(walker: Walker, from: number): readonly Oid[] {
    const offered: Oid[] = [];
    let at = Math.max(from, walker.end);
    for (; at < this.order.length && offered.length < walker.window; at++) {
      if (this.#isSeen[at] === 1) continue;
      this.#isSeen[at] = 1;
      offered.push(this.order.at(at));
    }
    walker.end = at;
    walker.window = Math.min(2 * walker.window, this.#maxWindow);
    return offered;
  }
}

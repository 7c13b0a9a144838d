import type { Sample } from "./figures.ts";
import type { Lab } from "./lab.ts";

/** Somebody who does the work of a contest. */
export interface Subject {
  /** `git` is the one that all others are held against; names of ours begin with `millrace`. */
  readonly name: string;
  /** What should be known beside the figures. */
  readonly note?: string | undefined;
  /** Does the work once, with the same start each time, and measures it. */
  measure(): Promise<Sample>;
}

/** The same work done by several, in turn. */
export interface Contest {
  readonly name: string;
  readonly subjects: readonly Subject[];
}

/** Contests that share their preparation. */
export interface BenchCase {
  readonly name: string;
  /** Yields contests one by one; what is made for one may be removed when the next is asked for. */
  contests(lab: Lab): AsyncIterable<Contest>;
}

/** Trees and blobs that a walk has found, in the order it met them. */
export interface FoundObjects {
  readonly trees: number[];
  readonly blobs: number[];
}

/** Walks the trees of commits; what it met once it does not tell again. */
export interface TreeWalker {
  /**
   * Appends to `found` these root trees and all below them that was neither met before nor is on the other side.
   * Throws `REPOSITORY_OBJECT_MISSING`, `REPOSITORY_WRONG_TYPE`.
   */
  collect(roots: readonly number[], found: FoundObjects): Promise<void>;
  /** The same for trees that were asked for by id. */
  collectGiven(trees: readonly number[], found: FoundObjects): Promise<void>;
  /** Marks root trees and all below them as the other side's. What is missing there does not matter. */
  exclude(roots: readonly number[]): Promise<void>;
}

/** Trees and blobs that a walk has found, in the order it met them. */
export interface FoundObjects {
  readonly trees: number[];
  readonly blobs: number[];
}

/** Walks the trees of commits; what it met once it does not tell again. */
export interface TreeWalker {
  /**
   * Appends to `found` a root tree and all below it that was neither met before nor is on the other side.
   * Throws `REPOSITORY_OBJECT_MISSING`, `REPOSITORY_WRONG_TYPE`.
   */
  collect(root: number, found: FoundObjects): Promise<void>;
  /** The same for a tree that was asked for by id. */
  collectGiven(tree: number, found: FoundObjects): Promise<void>;
  /** Marks a root tree and all below it as the other side's. What is missing there does not matter. */
  exclude(root: number): Promise<void>;
}

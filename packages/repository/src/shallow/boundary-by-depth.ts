import type { Breather } from "../breather.ts";
import type { CommitGraph } from "../walk/commit-graph.ts";

/** Commits that a client will have; numbers of a walk's marks. */
export interface Boundary {
  /** Commits whose parents it will not have. */
  readonly ends: readonly number[];
  /** Commits whose parents it will have. */
  readonly inner: ReadonlySet<number>;
}

/**
 * Walks `depth` commits deep, the starts counted, level by level: each commit lies as deep as its shortest way says.
 * The last level ends the history (a commit without parents too, as in git), and so do the graph's own shallow roots.
 */
export async function boundaryByDepth(
  graph: CommitGraph,
  starts: readonly number[],
  depth: number,
  breather: Breather,
): Promise<Boundary> {
  const ends: number[] = [];
  const inner = new Set<number>();
  const met = new Set<number>(starts);
  let level = [...met];
  for (let at = 1; level.length > 0; at++) {
    const next: number[] = [];
    for (const number of level) {
      await breather.step();
      await graph.load(number);
      if (at >= depth || graph.isShallow(number)) {
        ends.push(number);
        continue;
      }
      inner.add(number);
      const parents = graph.parentCount(number);
      for (let i = 0; i < parents; i++) {
        const parent = graph.parent(number, i);
        if (met.has(parent)) continue;
        met.add(parent);
        next.push(parent);
      }
    }
    level = next;
  }
  return { ends, inner };
}

import type { Breather } from "../breather.ts";
import type { CommitGraph } from "./commit-graph.ts";
import { CommitQueue } from "./commit-queue.ts";
import { HELD, type ObjectMarks } from "./object-marks.ts";
import type { TreeWalk } from "./tree-walk.ts";

/** Commits whose trees are walked at a time. */
const STEP_COMMITS = 32;

/**
 * Marks what the other side's past holds, newest commits first, as far as graphs tell it, until about `effort` objects
 * are marked. A delta may be sent on anything that the other side has, and mostly its base lies not far back.
 */
export async function holdPast(
  graph: CommitGraph,
  marks: ObjectMarks,
  trees: TreeWalk,
  commits: readonly number[],
  effort: number,
  breather: Breather,
): Promise<void> {
  const queue = new CommitQueue();
  const enqueue = (commit: number): void => {
    if (!graph.isLoaded(commit) || marks.has(commit, HELD)) return;
    marks.set(commit, HELD);
    queue.push(commit, graph.time(commit));
  };
  for (let i = 0; i < commits.length; i++) enqueue(commits[i]!);
  const holding = trees.hold();
  let commitCount = 0;
  while (queue.length > 0 && commitCount + holding.markedCount < effort) {
    const roots: number[] = [];
    while (roots.length < STEP_COMMITS) {
      const commit = queue.pop();
      if (commit === undefined) break;
      const pause = breather.step();
      if (pause !== undefined) await pause;
      roots.push(graph.tree(commit));
      const parents = graph.parentCount(commit);
      for (let i = 0; i < parents; i++) enqueue(graph.parent(commit, i));
    }
    commitCount += roots.length;
    await holding.add(roots);
  }
  await holding.finish();
}

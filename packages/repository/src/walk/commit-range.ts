import type { Breather } from "./breather.ts";
import { type CommitGraph, type CommitNode, isMissingObject } from "./commit-graph.ts";
import { CommitQueue } from "./commit-queue.ts";
import { type ObjectMarks, QUEUED, SEEN, UNINTERESTING } from "./object-marks.ts";

/** How many commits past the apparent end are looked at, for histories whose clocks ran backwards. */
const CLOCK_SLOP = 5;

const NO_COMMIT: CommitNode = { tree: -1, parents: [], time: 0 };

/** Commits that are reachable from the wants and not from the haves. */
export interface CommitRange {
  /** Newest first. */
  readonly commits: readonly number[];
  /** Commits of the other side that are parents of commits of the range. */
  readonly edges: readonly number[];
}

/**
 * Walks both sides at once, newest commit first, and stops when only the other side's commits wait. On histories with
 * skewed clocks it may take a common commit for a new one, never a new one for common.
 * With `since` (seconds) commits older than that count as the other side's, with all their ancestors.
 */
export async function findCommitRange(
  graph: CommitGraph,
  marks: ObjectMarks,
  wants: readonly number[],
  haves: readonly number[],
  breather: Breather,
  since: number = Number.NEGATIVE_INFINITY,
): Promise<CommitRange> {
  const queue = new CommitQueue();
  let interestingWaiting = 0;

  const enqueue = async (number: number): Promise<void> => {
    if (marks.has(number, SEEN)) return;
    const { time } = await loadTolerantly(graph, marks, number);
    marks.set(number, SEEN | QUEUED);
    queue.push(number, time);
    if (!marks.has(number, UNINTERESTING)) interestingWaiting++;
  };

  const markCommon = (start: number): void => {
    const stack = [start];
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      if (marks.has(number, UNINTERESTING)) continue;
      marks.set(number, UNINTERESTING);
      if (marks.has(number, QUEUED)) interestingWaiting--;
      const parents = graph.loaded(number)?.parents ?? [];
      for (let i = 0; i < parents.length; i++) stack.push(parents[i]!);
    }
  };

  for (const have of haves) {
    markCommon(have);
    await enqueue(have);
  }
  for (const want of wants) await enqueue(want);

  const found: number[] = [];
  let lastFoundTime = Number.POSITIVE_INFINITY;
  let slop = CLOCK_SLOP;
  for (let number = queue.pop(); number !== undefined; number = queue.pop()) {
    await breather.step();
    const node = await loadTolerantly(graph, marks, number);
    if (node.time < since) markCommon(number);
    const common = marks.has(number, UNINTERESTING);
    marks.clear(number, QUEUED);
    if (!common) {
      interestingWaiting--;
      found.push(number);
      lastFoundTime = node.time;
    }
    for (const parent of node.parents) {
      if (common) markCommon(parent);
      await enqueue(parent);
    }
    if (interestingWaiting > 0 || lastFoundTime <= queue.newestTime) slop = CLOCK_SLOP;
    else if (common && slop-- === 0) break;
  }

  const commits = found.filter((number) => !marks.has(number, UNINTERESTING));
  return { commits, edges: findEdges(graph, marks, commits) };
}

/** A commit of the other side may lack its ancestors here (a shallow past, a pruned one): it then ends there. */
async function loadTolerantly(graph: CommitGraph, marks: ObjectMarks, number: number): Promise<CommitNode> {
  try {
    return await graph.load(number);
  } catch (error) {
    if (marks.has(number, UNINTERESTING) && isMissingObject(error)) return NO_COMMIT;
    throw error;
  }
}

function findEdges(graph: CommitGraph, marks: ObjectMarks, commits: readonly number[]): number[] {
  const edges = new Set<number>();
  for (const number of commits) {
    for (const parent of graph.loaded(number)?.parents ?? []) {
      if (marks.has(parent, UNINTERESTING)) edges.add(parent);
    }
  }
  return [...edges];
}

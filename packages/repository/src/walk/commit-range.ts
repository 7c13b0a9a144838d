import type { Breather } from "../breather.ts";
import { type CommitGraph, isMissingObject } from "./commit-graph.ts";
import { CommitQueue } from "./commit-queue.ts";
import { type ObjectMarks, QUEUED, SEEN, UNINTERESTING } from "./object-marks.ts";

/** How many commits past the apparent end are looked at, for histories whose clocks ran backwards. */
const CLOCK_SLOP = 5;

/** Commits that are reachable from the wants and not from the haves. */
export interface CommitRange {
  /** Newest first; in no order where there are no haves and no bound. */
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
  if (haves.length === 0 && since === Number.NEGATIVE_INFINITY) {
    return { commits: await findHistory(graph, marks, wants, breather), edges: [] };
  }
  const queue = new CommitQueue();
  let interestingWaiting = 0;

  const enqueue = (number: number): Promise<void> | undefined => {
    if (marks.has(number, SEEN)) return undefined;
    const loading = loadTolerantly(graph, marks, number);
    if (loading !== undefined) return loading.then(() => enqueueLoaded(number));
    enqueueLoaded(number);
    return undefined;
  };

  const enqueueLoaded = (number: number): void => {
    marks.set(number, SEEN | QUEUED);
    queue.push(number, timeOf(graph, number));
    if (!marks.has(number, UNINTERESTING)) interestingWaiting++;
  };

  /** Goes on through commits that the walk has passed; the others hear of it when it comes to them. */
  const markCommon = (start: number): void => {
    const stack = [start];
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      if (marks.has(number, UNINTERESTING)) continue;
      marks.set(number, UNINTERESTING);
      if (marks.has(number, QUEUED)) interestingWaiting--;
      const parents = marks.has(number, SEEN) ? parentCountOf(graph, number) : 0;
      for (let i = 0; i < parents; i++) stack.push(graph.parent(number, i));
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
    const pause = breather.step();
    if (pause !== undefined) await pause;
    const time = timeOf(graph, number);
    if (time < since) markCommon(number);
    const common = marks.has(number, UNINTERESTING);
    marks.clear(number, QUEUED);
    if (!common) {
      interestingWaiting--;
      found.push(number);
      lastFoundTime = time;
    }
    const parents = parentCountOf(graph, number);
    for (let i = 0; i < parents; i++) {
      const parent = graph.parent(number, i);
      if (common) markCommon(parent);
      const waiting = enqueue(parent);
      if (waiting !== undefined) await waiting;
    }
    if (interestingWaiting > 0 || lastFoundTime <= queue.newestTime) slop = CLOCK_SLOP;
    else if (common && slop-- === 0) break;
  }

  const commits = found.filter((number) => !marks.has(number, UNINTERESTING));
  return { commits, edges: findEdges(graph, marks, commits) };
}

/** All that the wants reach. */
async function findHistory(
  graph: CommitGraph,
  marks: ObjectMarks,
  wants: readonly number[],
  breather: Breather,
): Promise<number[]> {
  const found: number[] = [];
  const stack: number[] = [];
  for (let i = wants.length - 1; i >= 0; i--) stack.push(wants[i]!);
  for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
    if (marks.has(number, SEEN)) continue;
    const pause = breather.step();
    if (pause !== undefined) await pause;
    const loading = graph.load(number);
    if (loading !== undefined) await loading;
    marks.set(number, SEEN);
    found.push(number);
    for (let i = graph.parentCount(number) - 1; i >= 0; i--) {
      const parent = graph.parent(number, i);
      if (!marks.has(parent, SEEN)) stack.push(parent);
    }
  }
  return found;
}

/** A commit of the other side may lack its ancestors here (a shallow past, a pruned one): it then ends there. */
function loadTolerantly(graph: CommitGraph, marks: ObjectMarks, number: number): Promise<void> | undefined {
  return graph.load(number)?.catch((error: unknown) => {
    if (!marks.has(number, UNINTERESTING) || !isMissingObject(error)) throw error;
  });
}

/** A missing commit is as old as can be. */
function timeOf(graph: CommitGraph, number: number): number {
  return graph.isLoaded(number) ? graph.time(number) : 0;
}

function parentCountOf(graph: CommitGraph, number: number): number {
  return graph.isLoaded(number) ? graph.parentCount(number) : 0;
}

function findEdges(graph: CommitGraph, marks: ObjectMarks, commits: readonly number[]): number[] {
  const edges = new Set<number>();
  for (const number of commits) {
    const parents = graph.parentCount(number);
    for (let i = 0; i < parents; i++) {
      const parent = graph.parent(number, i);
      if (marks.has(parent, UNINTERESTING)) edges.add(parent);
    }
  }
  return [...edges];
}

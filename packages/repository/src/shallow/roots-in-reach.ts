import { type Oid, type OperationOptions, oidToBytes } from "@millrace/pack";
import type { ObjectReader } from "../objects/object-view.ts";
import { createBreather } from "../breather.ts";
import { CommitGraph } from "../walk/commit-graph.ts";
import { CommitQueue } from "../walk/commit-queue.ts";
import { ObjectMarks, SEEN } from "../walk/object-marks.ts";
import { peelTips } from "../walk/peel-tips.ts";

/** Clocks of one history may differ by so much; beyond it a root counts as out of reach. */
const CLOCK_SLOP_SECONDS = 24 * 60 * 60;

/** A client's history as it has it. */
export interface CutHistory {
  readonly haves: readonly Oid[];
  /** Commits whose parents it does not have. */
  readonly cut: readonly Oid[];
}

/**
 * Which of these commits the haves reach without passing a cut, as a set of ids. A client names every shallow root that
 * it was ever told, and git upload-pack tells those too that lie behind another: it never had them.
 */
export async function rootsInReach(
  reader: ObjectReader,
  roots: readonly Oid[],
  { haves, cut }: CutHistory,
  { signal }: OperationOptions = {},
): Promise<ReadonlySet<Oid>> {
  const marks = new ObjectMarks(reader.format, await reader.graphs());
  const graph = new CommitGraph(reader, marks, cut);
  const breather = createBreather(signal);
  const queue = new CommitQueue();
  const sought = new Map<number, Oid>();
  let oldest = Number.POSITIVE_INFINITY;
  for (const oid of roots) {
    const number = marks.number(oidToBytes(oid));
    sought.set(number, oid);
    await graph.load(number);
    oldest = Math.min(oldest, graph.time(number));
  }
  const enqueue = async (number: number): Promise<void> => {
    if (marks.has(number, SEEN)) return;
    marks.set(number, SEEN);
    if (await graph.loadIfThere(number)) queue.push(number, graph.time(number));
  };

  const found = new Set<Oid>();
  for (const number of (await peelTips(reader, marks, haves)).commits) await enqueue(number);
  while (found.size < sought.size && queue.newestTime >= oldest - CLOCK_SLOP_SECONDS) {
    const number = queue.pop() as number;
    await breather.step();
    const root = sought.get(number);
    if (root !== undefined) found.add(root);
    const parents = graph.parentCount(number);
    for (let i = 0; i < parents; i++) await enqueue(graph.parent(number, i));
  }
  return found;
}

import { type Oid, type OperationOptions, oidToBytes } from "@millrace/pack";
import type { ObjectReader } from "../objects/object-view.ts";
import { createBreather } from "../breather.ts";
import { CommitGraph } from "./commit-graph.ts";
import { CommitQueue } from "./commit-queue.ts";
import { ObjectMarks, SEEN } from "./object-marks.ts";

export interface AncestryOptions extends OperationOptions {
  /** Commits whose parents count for nothing. */
  readonly shallow?: readonly Oid[] | undefined;
}

/** Whether `descendant` reaches `ancestor` (both commits): walks newest first, all of it where it does not. */
export async function isAncestor(
  reader: ObjectReader,
  ancestor: Oid,
  descendant: Oid,
  { shallow, signal }: AncestryOptions = {},
): Promise<boolean> {
  const marks = new ObjectMarks(reader.format, await reader.graphs());
  const graph = new CommitGraph(reader, marks, shallow);
  const breather = createBreather(signal);
  const queue = new CommitQueue();
  const goal = marks.number(oidToBytes(ancestor));
  const enqueue = async (number: number): Promise<void> => {
    if (marks.has(number, SEEN)) return;
    await graph.load(number);
    marks.set(number, SEEN);
    queue.push(number, graph.time(number));
  };
  await enqueue(marks.number(oidToBytes(descendant)));
  for (let number = queue.pop(); number !== undefined; number = queue.pop()) {
    await breather.step();
    if (number === goal) return true;
    const parents = graph.parentCount(number);
    for (let i = 0; i < parents; i++) await enqueue(graph.parent(number, i));
  }
  return false;
}

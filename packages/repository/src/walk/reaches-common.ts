import { type Oid, oidToBytes, readTagTarget } from "@millrace/pack";
import type { ObjectReader } from "../objects/object-view.ts";
import { type Breather, createBreather } from "../breather.ts";
import { CommitGraph } from "./commit-graph.ts";
import { ObjectMarks } from "./object-marks.ts";
import { peelTips, typeOf } from "./peel-tips.ts";

const COMMON = 1;
const REACHES = 2;
const FAILS = 4;
/** It lies on the path: only where a commit-graph lies can the path come to it again. */
const ON_PATH = 8;

/**
 * Whether each wanted commit reaches an object that both sides have, so that the client may stop offering more
 * (git's `ok_to_give_up`). Parents of common commits count as common; wants that are no commits do not count.
 * Commits older than the oldest common one are not walked.
 */
export async function reachesCommon(
  reader: ObjectReader,
  wants: readonly Oid[],
  common: readonly Oid[],
  signal?: AbortSignal,
): Promise<boolean> {
  if (common.length === 0) return false;
  const marks = new ObjectMarks(reader.format, await reader.graphs());
  const graph = new CommitGraph(reader, marks);
  const breather = createBreather(signal);

  let oldest = Number.POSITIVE_INFINITY;
  for (const oid of common) {
    const number = marks.number(oidToBytes(oid));
    marks.set(number, COMMON);
    if ((await typeOf(reader, marks, number)) !== "commit") continue;
    await graph.load(number);
    oldest = Math.min(oldest, graph.time(number));
    const parents = graph.parentCount(number);
    for (let i = 0; i < parents; i++) marks.set(graph.parent(number, i), COMMON);
  }

  for (const want of wants) {
    const start = (await peelTips(reader, marks, [want], true)).commits[0];
    if (start !== undefined && !(await reaches(graph, marks, start, oldest, breather))) return false;
  }
  return true;
}

/** Depth first along one path; whether a commit reaches a common one is found out once, for all wants. */
async function reaches(
  graph: CommitGraph,
  marks: ObjectMarks,
  start: number,
  oldest: number,
  breather: Breather,
): Promise<boolean> {
  const path = [start];
  const nextParent = [0];
  marks.set(start, ON_PATH);
  while (path.length > 0) {
    await breather.step();
    const top = path.length - 1;
    const number = path[top]!;
    if (marks.has(number, COMMON | REACHES)) {
      for (const descendant of path) {
        marks.clear(descendant, ON_PATH);
        marks.set(descendant, REACHES);
      }
      return true;
    }
    const goesOn =
      !marks.has(number, FAILS) && (await graph.loadIfThere(number)) && graph.time(number) >= oldest;
    const parent = goesOn ? nextParent[top]!++ : 0;
    if (!goesOn || parent >= graph.parentCount(number)) {
      marks.clear(number, ON_PATH);
      marks.set(number, FAILS);
      path.pop();
      nextParent.pop();
      continue;
    }
    const next = graph.parent(number, parent);
    if (marks.has(next, ON_PATH)) continue;
    marks.set(next, ON_PATH);
    path.push(next);
    nextParent.push(0);
  }
  return false;
}

/** What an id finally points to: itself, unless it is a tag. A tag whose target is missing peels to that target. */
export async function peelTag(reader: ObjectReader, oid: Oid): Promise<Oid> {
  const met = new Set<Oid>();
  for (let current = oid; ; ) {
    if (met.has(current)) return current;
    met.add(current);
    const bytes = oidToBytes(current);
    if ((await reader.info(bytes))?.type !== "tag") return current;
    current = readTagTarget((await reader.read(bytes)).content, reader.format).oid;
  }
}

import { type Oid, oidToBytes, readTagTarget } from "@millrace/pack";
import type { ObjectReader } from "../objects/object-view.ts";
import { type Breather, createBreather } from "./breather.ts";
import { CommitGraph, type CommitNode, isMissingObject } from "./commit-graph.ts";
import { ObjectMarks } from "./object-marks.ts";

const COMMON = 1;
const REACHES = 2;
const FAILS = 4;

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
  const marks = new ObjectMarks(reader.format);
  const graph = new CommitGraph(reader, marks);
  const breather = createBreather(signal);

  let oldest = Number.POSITIVE_INFINITY;
  for (const oid of common) {
    const number = marks.number(oidToBytes(oid));
    marks.set(number, COMMON);
    if ((await reader.info(oidToBytes(oid)))?.type !== "commit") continue;
    const node = await graph.load(number);
    oldest = Math.min(oldest, node.time);
    for (const parent of node.parents) marks.set(parent, COMMON);
  }

  for (const want of wants) {
    const start = await peelToCommit(reader, want);
    if (start === undefined) continue;
    if (!(await reaches(graph, marks, marks.number(oidToBytes(start)), oldest, breather))) return false;
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
  while (path.length > 0) {
    await breather.step();
    const top = path.length - 1;
    const number = path[top]!;
    if (marks.has(number, COMMON | REACHES)) {
      for (const descendant of path) marks.set(descendant, REACHES);
      return true;
    }
    const node = marks.has(number, FAILS) ? undefined : await loadOrNothing(graph, number);
    const parent = node === undefined || node.time < oldest ? undefined : node.parents[nextParent[top]!++];
    if (parent === undefined) {
      marks.set(number, FAILS);
      path.pop();
      nextParent.pop();
    } else {
      path.push(parent);
      nextParent.push(0);
    }
  }
  return false;
}

async function loadOrNothing(graph: CommitGraph, number: number): Promise<CommitNode | undefined> {
  try {
    return await graph.load(number);
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    throw error;
  }
}

/** The commit that an id names, through any tags; `undefined` for everything else. */
export async function peelToCommit(reader: ObjectReader, oid: Oid): Promise<Oid | undefined> {
  const peeled = await peelTag(reader, oid);
  const info = await reader.info(oidToBytes(peeled));
  return info?.type === "commit" ? peeled : undefined;
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

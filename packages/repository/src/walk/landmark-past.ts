import type { ObjectBits } from "@millrace/pack";
import type { Breather } from "../breather.ts";
import type { GraphMember, GraphSet } from "../objects/graph-set.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import { CommitGraph } from "./commit-graph.ts";
import { findCommitRange } from "./commit-range.ts";
import { bitsOf, markSet } from "./object-bits.ts";
import { HELD, ObjectMarks } from "./object-marks.ts";
import { TreeWalk } from "./tree-walk.ts";

/** One commit of so many is a landmark, whoever asks: clients that are not far from each other come to the same ones. */
const LANDMARK_SHARE = 256;
/** First parents that are followed to the next one. */
const MAX_STEPS = 16 * LANDMARK_SHARE;

/** A commit of a pack that has all that it reaches, so that a set of that pack's objects tells its past. */
interface Landmark {
  readonly member: GraphMember;
  readonly number: number;
}

/**
 * Marks as held what the landmark in the past of `start` reaches, if there is one. It is walked once and remembered with
 * the graphs, so that who fetches again and again walks no further than there.
 */
export async function holdLandmark(
  reader: ObjectReader,
  marks: ObjectMarks,
  graph: CommitGraph,
  start: number,
  breather: Breather,
): Promise<void> {
  const { graphs } = marks.table;
  // What lies behind a client's shallow root is not at that client.
  if (graphs === undefined || graph.isCut) return;
  const landmark = findLandmark(graphs, graph, start);
  if (landmark === undefined) return;
  const { member, number } = landmark;
  const node = number - member.base;
  let bits = graphs.pasts?.past(member.id, node);
  if (bits === undefined) {
    bits = await findPast(reader, graphs, landmark, breather);
    graphs.pasts?.setPast(member.id, node, bits);
  }
  markSet(marks.bytes, member.base, bits, HELD);
}

function findLandmark(graphs: GraphSet, graph: CommitGraph, start: number): Landmark | undefined {
  let number = start;
  for (let step = 0; step < MAX_STEPS && graph.isLoaded(number); step++) {
    if (number < graphs.nodeCount) {
      const member = graphs.memberOf(number);
      const isWhole = member.numbers === undefined && member.graph.externalCount === 0;
      if (isWhole && (number - member.base) % LANDMARK_SHARE === 0) return { member, number };
    }
    if (graph.parentCount(number) === 0) return undefined;
    number = graph.parent(number, 0);
  }
  return undefined;
}

async function findPast(
  reader: ObjectReader,
  graphs: GraphSet,
  { member, number }: Landmark,
  breather: Breather,
): Promise<ObjectBits> {
  const marks = new ObjectMarks(reader.format, graphs);
  const graph = new CommitGraph(reader, marks);
  const { commits } = await findCommitRange(graph, marks, [number], [], breather);
  await new TreeWalk(reader, marks, breather).exclude(commits.map((commit) => graph.tree(commit)));
  return bitsOf(marks.bytes, member.base, member.end);
}

import { NODE_BLOB, NODE_COMMIT, NODE_TAG, NODE_TYPE_MASK, type ObjectBits } from "@millrace/pack";
import type { BitmappedPack } from "../objects/bitmapped-pack.ts";
import { type GraphMember, numberAt } from "../objects/graph-set.ts";
import { NAMED, type ObjectMarks, SEEN } from "./object-marks.ts";

/** What is reached of the pack whose ranks are numbers. */
export interface ReachedBits extends BitmappedPack {
  readonly bits: ObjectBits;
}

/** What is reached without a walk, and where one has to start for the rest; numbers of the marks. */
export interface WholePacks {
  /** Packs taken as they are: what they have is in none of the lists. */
  readonly packs: GraphMember[];
  /** The same of a pack that bitmaps tell: at most one. */
  readonly ranked: ReachedBits[];
  readonly commits: number[];
  readonly trees: number[];
  /** Not filled where nobody asks for blobs. */
  readonly blobs: number[];
  /** Commits and trees that the packs refer to. */
  readonly moreCommits: number[];
  readonly moreTrees: number[];
}

/** What is found where nothing is. */
export function nothingWhole(): WholePacks {
  return { packs: [], ranked: [], commits: [], trees: [], blobs: [], moreCommits: [], moreTrees: [] };
}

/**
 * Finds packs of which everything is reached from `starts`: those whose roots all are among the starts, or among what
 * such packs refer to. A clone of all branches mostly wants just that. What is found is marked as seen; where everything is
 * wanted, no object of a pack that shares none with others is looked at.
 */
export function findWholePacks(
  marks: ObjectMarks,
  starts: Iterable<number>,
  { withBlobs, isFiltered }: { readonly withBlobs: boolean; readonly isFiltered: boolean },
): WholePacks {
  const whole = nothingWhole();
  const { graphs } = marks.table;
  if (graphs === undefined) return whole;
  for (const start of starts) marks.set(start, NAMED);
  /** How many roots of each pack were found to be reached; those before need no second look. */
  const passed = new Map<GraphMember, number>();
  const open = new Set(graphs.members);
  const externals: GraphMember[] = [];
  for (let before = -1; before !== open.size; ) {
    before = open.size;
    for (const member of open) {
      const roots = member.graph.roots();
      let at = passed.get(member) ?? 0;
      while (at < roots.length && marks.has(numberAt(member, roots[at]!), NAMED | SEEN)) at++;
      passed.set(member, at);
      if (at < roots.length) continue;
      open.delete(member);
      if (isFiltered || member.numbers !== undefined) takePack(marks, member, withBlobs, whole);
      else takeAsItIs(marks, member, whole);
      nameExternals(marks, member);
      externals.push(member);
    }
  }
  for (const member of externals) takeExternals(marks, member, withBlobs, whole);
  return whole;
}

/** What is wanted by name is seen now like the rest: nothing else is marked before all that is wanted whole is found. */
function takeAsItIs(marks: ObjectMarks, member: GraphMember, { packs }: WholePacks): void {
  marks.bytes.fill(SEEN, member.base, member.end);
  packs.push(member);
}

function takePack(
  marks: ObjectMarks,
  member: GraphMember,
  withBlobs: boolean,
  { commits, trees, blobs }: WholePacks,
): void {
  const { base, end, numbers, graph } = member;
  const { kinds } = graph;
  const { bytes } = marks;
  for (let number = base; number < end; number++) {
    const own = numbers === undefined ? number : numbers[number - base]!;
    if ((bytes[own]! & SEEN) !== 0) continue;
    bytes[own] = bytes[own]! | SEEN;
    const type = kinds[number - base]! & NODE_TYPE_MASK;
    if (type === NODE_COMMIT) commits.push(own);
    else if (type === NODE_BLOB) {
      if (withBlobs) blobs.push(own);
    } else if (type !== NODE_TAG) trees.push(own);
  }
}

function nameExternals(marks: ObjectMarks, { graph, numbers }: GraphMember): void {
  for (let node = graph.count; node < graph.kinds.length; node++) marks.set(numbers![node]!, NAMED);
}

/** Takes what a pack refers to and no whole pack has. */
function takeExternals(
  marks: ObjectMarks,
  { graph, numbers }: GraphMember,
  withBlobs: boolean,
  whole: WholePacks,
): void {
  for (let node = graph.count; node < graph.kinds.length; node++) {
    const number = numbers![node]!;
    if (marks.has(number, SEEN)) continue;
    const kind = graph.kinds[node]!;
    if (kind === NODE_COMMIT) whole.moreCommits.push(number);
    else if (kind === NODE_BLOB) {
      marks.set(number, SEEN);
      if (withBlobs) whole.blobs.push(number);
    } else if (kind !== NODE_TAG) whole.moreTrees.push(number);
  }
}

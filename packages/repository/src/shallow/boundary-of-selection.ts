import { badRequest } from "../errors.ts";
import type { Breather } from "../breather.ts";
import type { CommitGraph } from "../walk/commit-graph.ts";
import { findCommitRange } from "../walk/commit-range.ts";
import type { ObjectMarks } from "../walk/object-marks.ts";
import type { Boundary } from "./boundary-by-depth.ts";

/** Which commits a client wants of all that its wants reach. */
export interface CommitSelection {
  readonly wants: readonly number[];
  /** What these reach is left out. */
  readonly excluded: readonly number[];
  /** Seconds; older commits are left out. */
  readonly since?: number | undefined;
  readonly breather: Breather;
}

/**
 * The boundary of what `git rev-list --max-age=<since> wants --not excluded` lists: commits with a parent that it does
 * not list, and the graph's own shallow roots. Throws `REPOSITORY_BAD_REQUEST` where it lists nothing.
 */
export async function boundaryOfSelection(
  graph: CommitGraph,
  marks: ObjectMarks,
  selection: CommitSelection,
): Promise<Boundary> {
  const { wants, excluded, since = Number.NEGATIVE_INFINITY, breather } = selection;
  const selected = new Set(
    excluded.length === 0
      ? await walkSince(graph, wants, since, breather)
      : (await findCommitRange(graph, marks, wants, excluded, breather, since)).commits,
  );
  if (selected.size === 0) throw badRequest("no commits selected for shallow requests");
  const ends: number[] = [];
  const inner = new Set<number>();
  for (const number of selected) {
    await graph.load(number);
    const parents = parentsOf(graph, number);
    const isEnd = graph.isShallow(number) || parents.some((parent) => !selected.has(parent));
    if (isEnd) ends.push(number);
    else inner.add(number);
  }
  return { ends, inner };
}

/** Without anything excluded git goes no further than a commit that is too old, and looks at no ancestors of it. */
async function walkSince(
  graph: CommitGraph,
  wants: readonly number[],
  since: number,
  breather: Breather,
): Promise<ReadonlySet<number>> {
  const selected = new Set<number>();
  const stack = [...wants];
  for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
    if (selected.has(number)) continue;
    await breather.step();
    await graph.load(number);
    if (graph.time(number) < since) continue;
    selected.add(number);
    stack.push(...parentsOf(graph, number));
  }
  return selected;
}

function parentsOf(graph: CommitGraph, number: number): number[] {
  return Array.from({ length: graph.parentCount(number) }, (_, i) => graph.parent(number, i));
}

import type { Oid } from "@millrace/pack";
import { EVERYTHING, type FilterPlan } from "../filter/filter-plan.ts";
import { createTreeWalker } from "../filter/create-tree-walker.ts";
import { keepSmallBlobs } from "../filter/keep-small-blobs.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { OidTable } from "../objects/oid-table.ts";
import { createBreather } from "./breather.ts";
import { CommitGraph } from "./commit-graph.ts";
import { type CommitRange, findCommitRange } from "./commit-range.ts";
import { ObjectMarks, SELECTED, UNINTERESTING } from "./object-marks.ts";
import { type Tips, peelTips } from "./peel-tips.ts";
import type { FoundObjects, TreeWalker } from "./tree-walker.ts";

export interface EnumerateOptions {
  readonly wants: readonly Oid[];
  /** Objects that the other side has, with all that they reach. */
  readonly haves: readonly Oid[];
  /** Commits whose parents count for neither side. */
  readonly shallow?: readonly Oid[] | undefined;
  /** Leave out what the trees of all haves hold, not only of those next to the range (`--objects-edge-aggressive`). */
  readonly excludeHaveTrees?: boolean | undefined;
  /** What is sent of all that is reached; the wants themselves always are. */
  readonly filter?: FilterPlan | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told now and then how many objects were found. */
  readonly onProgress?: ((objects: number) => void) | undefined;
}

/** Objects as numbers of a table. */
export interface ObjectSelection {
  readonly table: OidTable;
  /** Each object once: tags, commits newest first, then trees, then blobs. */
  readonly numbers: readonly number[];
  readonly marks: ObjectMarks;
  /** Whether the other side surely has an object. With a filter that is known of commits only. */
  isAtOtherSide(number: number): boolean;
}

/**
 * Finds every object that is reachable from the wants and not from the haves, as `git rev-list --objects wants --not haves`.
 * Throws `REPOSITORY_OBJECT_MISSING` where a wanted commit, tree or tag is not there; blobs are looked at only for
 * their sizes, where a filter asks for them.
 */
export async function enumerateObjects(
  reader: ObjectReader,
  options: EnumerateOptions,
): Promise<ObjectSelection> {
  const plan = options.filter ?? EVERYTHING;
  const isFiltered = options.filter !== undefined;
  const marks = new ObjectMarks(reader.format);
  const breather = createBreather(options.signal);
  const graph = new CommitGraph(reader, marks, options.shallow);
  const trees = createTreeWalker(reader, marks, breather, plan);

  const haves = await peelTips(reader, marks, options.haves);
  for (const number of haves.tags) marks.set(number, UNINTERESTING);
  for (const number of haves.blobs) marks.set(number, UNINTERESTING);
  for (const tree of haves.trees) await trees?.exclude(tree);

  const wants = await peelTips(reader, marks, options.wants);
  const range = await findCommitRange(graph, marks, wants.commits, haves.commits, breather);
  if (trees !== undefined) {
    const edges = options.excludeHaveTrees === true ? [...haves.commits, ...range.edges] : range.edges;
    await excludeTrees(graph, trees, edges);
  }

  const numbers: number[] = [];
  const select = (number: number): void => {
    if (marks.has(number, SELECTED)) return;
    marks.set(number, SELECTED);
    numbers.push(number);
  };
  selectWants(marks, wants, isFiltered, select);
  selectCommits(range, wants, plan, select);

  const found: FoundObjects = { trees: [], blobs: [] };
  if (trees !== undefined) {
    for (const tree of wants.trees) await trees.collectGiven(tree, found);
    for (const commit of range.commits) {
      const node = graph.loaded(commit);
      if (node !== undefined) await trees.collect(node.tree, found);
      options.onProgress?.(numbers.length + found.trees.length + found.blobs.length);
    }
  }
  if (plan.trees) found.trees.forEach(select);
  const blobs = await keepSmallBlobs(reader, marks.table, found.blobs, plan.blobBytesBelow, breather);
  blobs.forEach(select);
  return {
    table: marks.table,
    numbers,
    marks,
    isAtOtherSide: (number) =>
      marks.has(number, UNINTERESTING) &&
      (!isFiltered || (plan.commits && graph.loaded(number) !== undefined)),
  };
}

async function excludeTrees(
  graph: CommitGraph,
  trees: TreeWalker,
  commits: readonly number[],
): Promise<void> {
  for (const commit of commits) {
    const node = graph.loaded(commit);
    if (node !== undefined) await trees.exclude(node.tree);
  }
}

/** Under a filter the other side may lack what its commits reach: it gets what it names, whatever it has. */
function selectWants(
  marks: ObjectMarks,
  wants: Tips,
  isFiltered: boolean,
  select: (number: number) => void,
): void {
  const take = (number: number): void => {
    if (isFiltered || !marks.has(number, UNINTERESTING)) select(number);
  };
  wants.tags.forEach(take);
  wants.blobs.forEach(take);
  wants.trees.forEach(take);
}

/** Where a filter refuses commits, the other side has no more of them than it was given by name. */
function selectCommits(
  range: CommitRange,
  wants: Tips,
  plan: FilterPlan,
  select: (number: number) => void,
): void {
  const commits = plan.commits ? range.commits : wants.commits;
  for (const commit of commits) select(commit);
}

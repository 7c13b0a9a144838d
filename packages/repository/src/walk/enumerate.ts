import { type Oid, oidToBytes } from "@millrace/pack";
import { EVERYTHING, type FilterPlan } from "../filter/filter-plan.ts";
import { createTreeWalker } from "../filter/create-tree-walker.ts";
import { keepSmallBlobs } from "../filter/keep-small-blobs.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { ObjectNumbers } from "../objects/object-numbers.ts";
import { RankedPack } from "../objects/ranked-pack.ts";
import { createBreather } from "../breather.ts";
import { CommitGraph } from "./commit-graph.ts";
import { findCommitRange } from "./commit-range.ts";
import { HELD, ObjectMarks, SEEN, UNINTERESTING } from "./object-marks.ts";
import { type Tips, peelTips } from "./peel-tips.ts";
import { HeldPast } from "./held-past.ts";
import { reachByBitmaps } from "./reach-by-bitmaps.ts";
import { type NumberList, Selecting } from "./selecting.ts";
import { TreeWalk } from "./tree-walk.ts";
import type { FoundObjects } from "./tree-walker.ts";
import { findWholePacks, nothingWhole } from "./whole-packs.ts";

/** Commits whose trees are walked between two reports. */
const STEP_ROOTS = 64;

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
  readonly table: ObjectNumbers;
  /** How many objects it holds. */
  readonly count: number;
  /** Each object once, as they are gone through: what is taken whole is listed nowhere. */
  readonly numbers: NumberList;
  readonly marks: ObjectMarks;
  /**
   * Whether the other side has an object. Under a filter it is taken to have what that filter lets pass of all it has;
   * without one its past is looked through for it, as far as graphs tell it and as long as that pays.
   * The selection stays as it is.
   */
  isAtOtherSide(number: number): boolean | Promise<boolean>;
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
  const isAllOfIt = options.haves.length === 0 && (options.shallow ?? []).length === 0;
  const isHistory = isAllOfIt && walksAllTrees(plan) && (await asksForHistory(reader, options.wants));
  // git's bitmaps tell no sizes.
  const bitmaps = isHistory && plan.blobBytesBelow === Number.POSITIVE_INFINITY ? await reader.bitmaps() : [];
  const build = isHistory && bitmaps.length === 0;
  const alone = bitmaps.length === 1 ? bitmaps[0] : undefined;
  const ranked = alone === undefined ? undefined : new RankedPack(alone.id, alone.index);
  const marks = new ObjectMarks(reader.format, await reader.graphs({ build }), ranked);
  const breather = createBreather(options.signal);
  const graph = new CommitGraph(reader, marks, options.shallow);
  const trees = createTreeWalker(reader, marks, breather, plan);

  const haves = await peelTips(reader, marks, options.haves);
  for (const number of haves.tags) marks.set(number, UNINTERESTING);
  for (const number of haves.blobs) marks.set(number, UNINTERESTING);
  await trees?.exclude(haves.trees);

  const wants = await peelTips(reader, marks, options.wants);
  const isPlaceless = trees === undefined || trees instanceof TreeWalk;
  const whole =
    isAllOfIt && isPlaceless
      ? findWholePacks(marks, startsOf(wants), { withBlobs: plan.blobs, isFiltered })
      : nothingWhole();
  const selection = new Selecting(marks);
  for (const pack of whole.packs) selection.addPack(pack);
  if (bitmaps.length > 0) {
    await reachByBitmaps(graph, marks, wants.commits, bitmaps, plan.blobs, whole, breather);
    for (const pack of whole.ranked) selection.addRanked(pack, plan);
  }
  const starts = [...wants.commits, ...whole.moreCommits];
  const range = await findCommitRange(graph, marks, starts, haves.commits, breather);
  if (trees !== undefined) {
    const edges = options.excludeHaveTrees === true ? [...haves.commits, ...range.edges] : range.edges;
    await trees.exclude(rootsOf(graph, edges));
  }

  // Under a filter the other side may lack what its commits reach: it gets what it names, whatever it has.
  for (const named of [wants.tags, wants.blobs, wants.trees]) {
    selection.addAll(isFiltered ? named : named.filter((number) => !marks.has(number, UNINTERESTING)));
  }
  // Where a filter refuses commits, the other side has no more of them than it was given by name.
  for (const commits of plan.commits ? [whole.commits, range.commits] : [wants.commits])
    selection.addAll(commits);

  if (trees !== undefined) {
    const found: FoundObjects = whole;
    await trees.collectGiven(wants.trees, found);
    await trees.collect(whole.moreTrees, found);
    const roots = rootsOf(graph, range.commits);
    // A walk that reads takes a while; one over graphs is quicker in one go.
    const stepRoots = marks.table.graphs === undefined ? STEP_ROOTS : roots.length;
    for (let at = 0; at < roots.length; at += stepRoots) {
      await trees.collect(roots.slice(at, at + stepRoots), found);
      options.onProgress?.(selection.count + found.trees.length + found.blobs.length);
    }
    if (plan.trees) selection.addAll(found.trees);
    selection.addAll(await keepSmallBlobs(reader, marks.table, found.blobs, plan.blobBytesBelow, breather));
  }
  let past: HeldPast | undefined;
  return {
    table: marks.table,
    count: selection.count,
    get numbers() {
      return selection.numbers;
    },
    marks,
    isAtOtherSide(number) {
      if (isFiltered) {
        if (!marks.has(number, UNINTERESTING)) return false;
        if (marks.has(number, SEEN) && graph.isLoaded(number)) return plan.commits;
        return passes(marks.table, number, plan);
      }
      if (marks.has(number, UNINTERESTING | HELD)) return true;
      if (!(trees instanceof TreeWalk)) return false;
      past ??= new HeldPast(reader, graph, marks, trees, [...range.edges, ...haves.commits], breather);
      return past.has(number);
    },
  };
}

function startsOf(wants: Tips): number[] {
  return [...wants.tags, ...wants.commits, ...wants.trees, ...wants.blobs];
}

/** The root trees of commits, as far as these are here. */
function rootsOf(graph: CommitGraph, commits: readonly number[]): number[] {
  const roots: number[] = [];
  for (let i = 0; i < commits.length; i++) {
    if (graph.isLoaded(commits[i]!)) roots.push(graph.tree(commits[i]!));
  }
  return roots;
}

function walksAllTrees({ trees, blobs, depthBelow, patterns }: FilterPlan): boolean {
  return (trees || blobs) && depthBelow === Number.POSITIVE_INFINITY && patterns.length === 0;
}

/** Whether a filter has let an object pass that its walk has met: walks look at places, and not at sizes. */
function passes(table: ObjectNumbers, number: number, { blobs, blobBytesBelow }: FilterPlan): boolean {
  if (!blobs || blobBytesBelow === Number.POSITIVE_INFINITY) return true;
  const type = table.typeAt(number);
  const size = table.sizeAt(number) ?? Number.POSITIVE_INFINITY;
  return type === "tree" || (type === "blob" && size < blobBytesBelow);
}

/** A client that fetches what it lacks, object by object, names trees and blobs; one that clones, commits and tags. */
async function asksForHistory(reader: ObjectReader, wants: readonly Oid[]): Promise<boolean> {
  const first = wants[0];
  if (first === undefined) return false;
  const type = (await reader.info(oidToBytes(first)))?.type;
  return type === "commit" || type === "tag";
}

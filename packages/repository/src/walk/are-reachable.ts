import { type ObjectType, type Oid, type OperationOptions, oidToBytes } from "@millrace/pack";
import type { Snapshot } from "@millrace/storage";
import type { ObjectReader } from "../objects/object-view.ts";
import { createBreather } from "../breather.ts";
import { CommitGraph } from "./commit-graph.ts";
import { CommitQueue } from "./commit-queue.ts";
import { ObjectMarks, QUEUED } from "./object-marks.ts";
import { peelTips, typeOf } from "./peel-tips.ts";
import { TreeWalk } from "./tree-walk.ts";
import type { FoundObjects } from "./tree-walker.ts";

/** A repository to look into. */
export interface ReachableContext {
  readonly snapshot: Snapshot;
  readonly reader: ObjectReader;
}

/**
 * Which of these objects HEAD or a ref reaches, in order; they may be of any type. Ref tips cost no object read,
 * commits a walk that ends with the last one found, and only trees and blobs have it open trees, newest first.
 */
export async function areReachable(
  { snapshot, reader }: ReachableContext,
  oids: readonly Oid[],
  options: OperationOptions = {},
): Promise<readonly boolean[]> {
  const { signal } = options;
  const tips = await listTips(snapshot, signal);
  const missing = new Set<Oid>(oids);
  for (const oid of oids) if (tips.has(oid)) missing.delete(oid);
  if (missing.size > 0) await search(snapshot, reader, tips, missing, signal);
  return oids.map((oid) => !missing.has(oid));
}

async function listTips(snapshot: Snapshot, signal: AbortSignal | undefined): Promise<Set<Oid>> {
  const tips = new Set<Oid>();
  const head = await snapshot.head({ signal });
  if (head.oid !== undefined) tips.add(head.oid);
  for await (const { oid } of snapshot.refs({ signal })) tips.add(oid);
  return tips;
}

/** Removes from `missing` what it finds. */
async function search(
  snapshot: Snapshot,
  reader: ObjectReader,
  tips: ReadonlySet<Oid>,
  missing: Set<Oid>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const marks = new ObjectMarks(reader.format, await reader.graphs());
  const breather = createBreather(signal);
  const pending = await openPending(reader, marks, missing);
  if (pending.size === 0) return;

  const start = await peelTips(reader, marks, tips, true);
  const graph = new CommitGraph(reader, marks, await snapshot.shallow({ signal }));
  const trees = new TreeWalk(reader, marks, breather);
  const lookInto = async (tree: number): Promise<void> => {
    const found: FoundObjects = { trees: [], blobs: [] };
    await trees.collect([tree], found);
    pending.meetAll(found.trees);
    pending.meetAll(found.blobs);
  };

  pending.meetAll(start.tags);
  pending.meetAll(start.blobs);
  if (pending.inTrees > 0) for (const tree of start.trees) await lookInto(tree);
  const queue = new CommitQueue();
  const enqueue = async (commit: number): Promise<void> => {
    if (marks.has(commit, QUEUED)) return;
    marks.set(commit, QUEUED);
    await graph.load(commit);
    queue.push(commit, graph.time(commit));
  };
  for (const commit of start.commits) await enqueue(commit);
  for (let commit = queue.pop(); commit !== undefined && pending.size > 0; commit = queue.pop()) {
    await breather.step();
    pending.meet(commit);
    if (pending.inTrees > 0) await lookInto(graph.tree(commit));
    const parents = graph.parentCount(commit);
    for (let i = 0; i < parents; i++) await enqueue(graph.parent(commit, i));
  }
}

/** What is not stored here is not worth a walk. */
async function openPending(
  reader: ObjectReader,
  marks: ObjectMarks,
  missing: Set<Oid>,
): Promise<PendingObjects> {
  const pending = new PendingObjects(missing);
  for (const oid of missing) {
    const number = marks.number(oidToBytes(oid));
    const type = await typeOf(reader, marks, number);
    if (type !== undefined) pending.add(number, oid, type);
  }
  return pending;
}

/** Objects that were asked for and not met yet. */
class PendingObjects {
  readonly #missing: Set<Oid>;
  readonly #oids = new Map<number, Oid>();
  readonly #inTrees = new Set<number>();

  constructor(missing: Set<Oid>) {
    this.#missing = missing;
  }

  get size(): number {
    return this.#oids.size;
  }

  /** How many of them are found only in trees. */
  get inTrees(): number {
    return this.#inTrees.size;
  }

  add(number: number, oid: Oid, type: ObjectType): void {
    this.#oids.set(number, oid);
    if (type === "tree" || type === "blob") this.#inTrees.add(number);
  }

  meet(number: number): void {
    const oid = this.#oids.get(number);
    if (oid === undefined) return;
    this.#missing.delete(oid);
    this.#oids.delete(number);
    this.#inTrees.delete(number);
  }

  meetAll(numbers: readonly number[]): void {
    for (let i = 0; i < numbers.length; i++) this.meet(numbers[i]!);
  }
}

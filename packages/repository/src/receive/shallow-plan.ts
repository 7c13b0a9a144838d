import { type Oid, type OperationOptions, oidToBytes } from "@millrace/pack";
import type { Snapshot } from "@millrace/storage";
import type { ObjectReader } from "../objects/object-view.ts";
import { areReachable } from "../walk/are-reachable.ts";
import { createBreather } from "../breather.ts";
import { CommitGraph } from "../walk/commit-graph.ts";
import { ObjectMarks } from "../walk/object-marks.ts";
import { peelTips } from "../walk/peel-tips.ts";
import type { RefCommand } from "./command-rules.ts";

/** Where the history of one command passes shallow roots of the client. */
export interface CutCommand {
  /** Those of them that would have to become roots here. */
  readonly needed: readonly Oid[];
}

/** A push from a shallow client. */
export interface ShallowPush extends OperationOptions {
  readonly commands: readonly RefCommand[];
  /** The client's shallow roots as it named them. */
  readonly clientShallow: readonly Oid[];
  readonly snapshot: Snapshot;
  /** What the repository had before. */
  readonly before: ObjectReader;
  /** The same with what was pushed. */
  readonly reader: ObjectReader;
  /** Ids of all refs. */
  readonly tips: ReadonlySet<Oid>;
}

/**
 * Finds the commands whose new history passes one of the client's shallow roots, and which of these roots this
 * repository would need, by the rules of git receive-pack: one that it had before and that a ref reaches is not needed,
 * nor is one that is a root here; one that came with the push is, even if its parents are here.
 */
export async function planShallow(push: ShallowPush): Promise<ReadonlyMap<RefCommand, CutCommand>> {
  const { snapshot, before, reader, signal } = push;
  const ownRoots = await snapshot.shallow({ signal });
  const { ours, theirs } = await sortRoots(push, new Set(ownRoots));
  if (ours.length + theirs.length === 0) return new Map();

  const marks = new ObjectMarks(reader.format, await reader.graphs());
  const graph = new CommitGraph(reader, marks, ownRoots);
  const bottoms = new Map([...ours, ...theirs].map((oid) => [marks.number(oidToBytes(oid)), oid]));
  const passed = new Map<RefCommand, ReadonlySet<Oid>>();
  for (const command of push.commands) {
    if (command.new === null) continue;
    const roots = await rootsBelow(command.new, graph, marks, bottoms, push);
    if (roots.size > 0) passed.set(command, roots);
  }

  const had = ours.filter((oid) => [...passed.values()].some((roots) => roots.has(oid)));
  const isReachable = await areReachable({ snapshot, reader: before }, had, { signal });
  const reachable = new Set(had.filter((_, i) => isReachable[i]));
  return new Map(
    [...passed].map(([command, roots]) => [
      command,
      { needed: [...roots].filter((oid) => !reachable.has(oid)) },
    ]),
  );
}

/** The client's roots that are here and are no roots yet: those that were here before, and those that came. */
async function sortRoots(
  { clientShallow, before, reader }: ShallowPush,
  ownRoots: ReadonlySet<Oid>,
): Promise<{ readonly ours: readonly Oid[]; readonly theirs: readonly Oid[] }> {
  const ours: Oid[] = [];
  const theirs: Oid[] = [];
  for (const oid of new Set(clientShallow)) {
    const bytes = oidToBytes(oid);
    if (ownRoots.has(oid) || (await reader.info(bytes))?.type !== "commit") continue;
    ((await before.has(bytes)) ? ours : theirs).push(oid);
  }
  return { ours, theirs };
}

/** The roots that a history comes upon first, on every way down; what a ref has here is not looked behind. */
async function rootsBelow(
  start: Oid,
  graph: CommitGraph,
  marks: ObjectMarks,
  bottoms: ReadonlyMap<number, Oid>,
  { reader, tips, signal }: ShallowPush,
): Promise<ReadonlySet<Oid>> {
  const breather = createBreather(signal);
  const found = new Set<Oid>();
  const met = new Set<number>();
  const stack = [...(await peelTips(reader, marks, [start], true)).commits];
  for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
    await breather.step();
    if (met.has(number)) continue;
    met.add(number);
    if (tips.has(marks.table.oidAt(number))) continue;
    const root = bottoms.get(number);
    if (root !== undefined) found.add(root);
    // What is missing is for the connectivity check to tell.
    else if (await graph.loadIfThere(number)) {
      const parents = graph.parentCount(number);
      for (let i = 0; i < parents; i++) stack.push(graph.parent(number, i));
    }
  }
  return found;
}

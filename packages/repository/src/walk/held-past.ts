import type { Breather } from "../breather.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { CommitGraph } from "./commit-graph.ts";
import { holdLandmark } from "./landmark-past.ts";
import { HELD, type ObjectMarks } from "./object-marks.ts";
import type { TreeHolding, TreeWalk } from "./tree-walk.ts";

/** Commits whose trees are walked at a time. */
const STEP_COMMITS = 32;
/** Objects that are met at most for one that is asked for, beside as many as it has bytes. */
const PATIENCE = 5000;

/**
 * What the other side's past holds, as far as graphs tell it: a delta may be sent on anything that it has, and mostly
 * its base lies not far back. What lies before a landmark is remembered from fetch to fetch. The rest of the past is
 * looked through generation by generation, no further than it is asked for, and for an object that is asked for only as
 * long as that is less dear than deflating as much: an object is met in about the time that a byte or two take.
 */
export class HeldPast {
  readonly #reader: ObjectReader;
  readonly #graph: CommitGraph;
  readonly #marks: ObjectMarks;
  readonly #breather: Breather;
  /** Commits whose past it is, until the first question. */
  #starts: readonly number[];
  /** Commits as far back as each other, those before `#at` done; and their parents. */
  #generation: number[] = [];
  #parents: number[] = [];
  #at = 0;
  readonly #holding: TreeHolding;
  #commitCount = 0;

  /** The past of `commits`. */
  constructor(
    reader: ObjectReader,
    graph: CommitGraph,
    marks: ObjectMarks,
    trees: TreeWalk,
    commits: readonly number[],
    breather: Breather,
  ) {
    this.#reader = reader;
    this.#graph = graph;
    this.#marks = marks;
    this.#breather = breather;
    this.#holding = trees.hold();
    this.#starts = commits;
  }

  /** Whether the past has an object; looks further back until it is met or that would not pay. */
  async has(number: number): Promise<boolean> {
    if (this.#starts.length > 0) await this.#begin();
    const limit = this.#metCount + PATIENCE + (this.#marks.table.sizeAt(number) ?? 0);
    while (!this.#marks.has(number, HELD)) {
      if (this.#metCount >= limit) return false;
      if (this.#at === this.#generation.length && this.#parents.length === 0) {
        await this.#holding.finish();
        return this.#marks.has(number, HELD);
      }
      await this.#lookBack();
    }
    return true;
  }

  async #begin(): Promise<void> {
    const starts = this.#starts;
    this.#starts = [];
    await holdLandmark(this.#reader, this.#marks, this.#graph, starts[0]!, this.#breather);
    for (let i = 0; i < starts.length; i++) this.#enqueue(starts[i]!);
  }

  get #metCount(): number {
    return this.#commitCount + this.#holding.markedCount;
  }

  async #lookBack(): Promise<void> {
    const graph = this.#graph;
    const roots: number[] = [];
    while (roots.length < STEP_COMMITS) {
      if (this.#at === this.#generation.length) {
        if (this.#parents.length === 0) break;
        this.#generation = this.#parents;
        this.#parents = [];
        this.#at = 0;
      }
      const commit = this.#generation[this.#at++]!;
      const pause = this.#breather.step();
      if (pause !== undefined) await pause;
      roots.push(graph.tree(commit));
      const parents = graph.parentCount(commit);
      for (let i = 0; i < parents; i++) this.#enqueue(graph.parent(commit, i));
    }
    this.#commitCount += roots.length;
    await this.#holding.add(roots);
  }

  #enqueue(commit: number): void {
    if (!this.#graph.isLoaded(commit) || this.#marks.has(commit, HELD)) return;
    this.#marks.set(commit, HELD);
    this.#parents.push(commit);
  }
}

import { GITLINK, NODE_BLOB, NODE_TREE, NODE_TREE_BY_BASE, NODE_TYPE_MASK } from "@millrace/pack";
import { type GraphMember, type GraphSet, numberAt } from "../objects/graph-set.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { Breather } from "../breather.ts";
import { HELD, type ObjectMarks, SEEN, UNINTERESTING } from "./object-marks.ts";
import { checkTree, readEntries } from "./read-tree.ts";
import type { FoundObjects, TreeWalker } from "./tree-walker.ts";

/** Trees that are being marked as held by the other side. */
export interface TreeHolding {
  /** How many objects were marked so far. */
  readonly markedCount: number;
  /** Marks trees and what is below them; of those told by other ones, only what differs as long as it is not finished. */
  add(roots: readonly number[]): Promise<void>;
  /** Marks the rest. */
  finish(): Promise<void>;
}

/**
 * The walk where an object's place does not matter: each tree is opened once in its life.
 *
 * Of a tree that a graph tells by its difference to another one, only the difference is looked at. What it shares with
 * its base is met where the base is reached too; which bases are not reached is known when nothing else is left, and
 * only the trees on those are then opened whole.
 */
export class TreeWalk implements TreeWalker {
  readonly #reader: ObjectReader;
  readonly #marks: ObjectMarks;
  readonly #graphs: GraphSet | undefined;
  readonly #breather: Breather;
  readonly #withBlobs: boolean;

  /** Without `withBlobs` blobs are passed over. */
  constructor(reader: ObjectReader, marks: ObjectMarks, breather: Breather, withBlobs = true) {
    this.#reader = reader;
    this.#marks = marks;
    this.#graphs = marks.table.graphs;
    this.#breather = breather;
    this.#withBlobs = withBlobs;
  }

  collect(roots: readonly number[], found: FoundObjects): Promise<void> {
    return this.#walk(roots, new Meeting(this.#marks, SEEN, SEEN | UNINTERESTING, this.#withBlobs, found));
  }

  collectGiven(trees: readonly number[], found: FoundObjects): Promise<void> {
    return this.collect(trees, found);
  }

  exclude(roots: readonly number[]): Promise<void> {
    return this.#walk(
      roots,
      new Meeting(this.#marks, UNINTERESTING, UNINTERESTING, this.#withBlobs, undefined),
    );
  }

  /** Starts to mark trees, and all below them, as held by the other side, as far as graphs tell it. */
  hold(): TreeHolding {
    const meeting = new Meeting(this.#marks, HELD, HELD | UNINTERESTING, this.#withBlobs, undefined);
    const { nodeCount } = this.#marks.table;
    return {
      get markedCount() {
        return meeting.metCount;
      },
      add: (roots) => {
        for (let i = 0; i < roots.length; i++) if (roots[i]! < nodeCount) meeting.meetTree(roots[i]!);
        return this.#openWaiting(meeting);
      },
      finish: () => this.#openPostponed(meeting),
    };
  }

  async #walk(roots: readonly number[], meeting: Meeting): Promise<void> {
    for (let i = 0; i < roots.length; i++) meeting.meetTree(roots[i]!);
    await this.#openWaiting(meeting);
    await this.#openPostponed(meeting);
  }

  async #openWaiting(meeting: Meeting): Promise<void> {
    const { nodeCount } = this.#marks.table;
    for (let tree = meeting.waiting.pop(); tree !== undefined; tree = meeting.waiting.pop()) {
      const pause = this.#breather.step();
      if (pause !== undefined) await pause;
      if (tree >= nodeCount) await this.#readTree(tree, meeting);
      else meeting.openNode(this.#graphs!.memberOf(tree), tree);
    }
  }

  async #openPostponed(meeting: Meeting): Promise<void> {
    for (;;) {
      const tree = meeting.postponed.pop();
      if (tree === undefined) return;
      const member = this.#graphs!.memberOf(tree);
      const base = numberAt(member, member.graph.treeBase(tree - member.base));
      if (meeting.hasMet(base)) continue;
      meeting.openWhole(member, tree);
      await this.#openWaiting(meeting);
    }
  }

  #readTree(tree: number, meeting: Meeting): Promise<void> {
    const isOtherSide = meeting.found === undefined;
    return readEntries(this.#reader, this.#marks, tree, isOtherSide, (child, isTree) => {
      if (isTree) meeting.meetTree(child);
      else meeting.meetBlob(child);
    });
  }
}

/** What one walk meets: it marks, tells and keeps for later. */
class Meeting {
  /** Trees to open. */
  readonly waiting: number[] = [];
  /** Trees of which the difference to their base is done. */
  readonly postponed: number[] = [];
  readonly found: FoundObjects | undefined;
  metCount = 0;
  readonly #marks: ObjectMarks;
  readonly #mark: number;
  readonly #stop: number;
  readonly #withBlobs: boolean;

  /** What has one of the marks `stop` is passed over, the rest gets `mark`. */
  constructor(
    marks: ObjectMarks,
    mark: number,
    stop: number,
    withBlobs: boolean,
    found: FoundObjects | undefined,
  ) {
    this.#marks = marks;
    this.#mark = mark;
    this.#stop = stop;
    this.#withBlobs = withBlobs;
    this.found = found;
  }

  /** Whether this walk, or one before that went for the same, has met a tree or will open it. */
  hasMet(tree: number): boolean {
    return this.#marks.has(tree, this.#stop);
  }

  meetTree(tree: number): void {
    if (this.#marks.has(tree, this.#stop)) return;
    this.#marks.set(tree, this.#mark);
    this.metCount++;
    this.found?.trees.push(tree);
    this.waiting.push(tree);
  }

  meetBlob(blob: number): void {
    if (!this.#withBlobs || this.#marks.has(blob, this.#stop)) return;
    this.#marks.set(blob, this.#mark);
    this.found?.blobs.push(blob);
  }

  /** Meets what a tree has and its base has not, where it is told so; else all that it has. */
  openNode(member: GraphMember, tree: number): void {
    const { kinds, starts, ends, words } = member.graph;
    const node = tree - member.base;
    let at = starts[node]!;
    if (kinds[node] === NODE_TREE_BY_BASE) {
      if (!this.hasMet(numberAt(member, words[at++]!))) this.postponed.push(tree);
    } else if (kinds[node] !== NODE_TREE) checkTree(this.#marks, tree);
    this.#meetWords(member, words, at, ends[node]!);
  }

  /** Meets all that a tree has. */
  openWhole(member: GraphMember, tree: number): void {
    const entries = member.graph.treeEntries(tree - member.base);
    this.#meetWords(member, entries, 0, entries.length);
  }

  #meetWords({ graph, base, numbers }: GraphMember, words: Int32Array, start: number, end: number): void {
    const { kinds } = graph;
    const { bytes } = this.#marks;
    const mark = this.#mark;
    const stop = this.#stop;
    const withBlobs = this.#withBlobs;
    const { found, waiting } = this;
    let met = 0;
    for (let at = start; at < end; at++) {
      const word = words[at]!;
      if (word < 0) {
        at++;
        continue;
      }
      if (word === GITLINK) continue;
      const number = numbers === undefined ? base + word : numbers[word]!;
      if ((bytes[number]! & stop) !== 0) continue;
      if ((kinds[word]! & NODE_TYPE_MASK) === NODE_BLOB) {
        if (!withBlobs) continue;
        met++;
        bytes[number] = bytes[number]! | mark;
        if (found !== undefined) found.blobs.push(number);
      } else {
        met++;
        bytes[number] = bytes[number]! | mark;
        if (found !== undefined) found.trees.push(number);
        waiting.push(number);
      }
    }
    this.metCount += met;
  }
}

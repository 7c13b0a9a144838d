import { GITLINK, NODE_BLOB, NODE_TREE_BY_BASE, NODE_TYPE_MASK } from "@millrace/pack";
import { type GraphMember, type GraphSet, numberAt } from "../objects/graph-set.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { Breather } from "../breather.ts";
import { type ObjectMarks, SEEN, UNINTERESTING } from "../walk/object-marks.ts";
import { checkTree, readEntries } from "../walk/read-tree.ts";
import type { FoundObjects, TreeWalker } from "../walk/tree-walker.ts";

export interface DepthTreeWalkOptions {
  /** Trees and blobs so deep stay out; root trees have depth 0. */
  readonly depthBelow: number;
  readonly withBlobs: boolean;
}

const NEVER = 0xffffffff;

/**
 * The walk that sends only what lies less deep than a bound (`tree:<depth>`): a tree is opened again where it lies less
 * deep than before. The other side is taken to have of its trees only what the same filter would have sent.
 *
 * As in the walk without places, a tree that a graph tells by its difference to another one is opened whole only where
 * that other one is not met, or only deeper down.
 */
export class DepthTreeWalk implements TreeWalker {
  readonly #reader: ObjectReader;
  readonly #marks: ObjectMarks;
  readonly #graphs: GraphSet | undefined;
  readonly #breather: Breather;
  readonly #depthBelow: number;
  readonly #withBlobs: boolean;
  /** By tree: one more than the smallest depth it was met at, the start at a tree that was asked for being 0. */
  #smallest: Uint32Array;
  /** Trees to open, each with its depth. */
  readonly #waiting: number[] = [];
  /** Trees of which the difference to their base is done, each with its depth. */
  readonly #postponed: number[] = [];

  constructor(reader: ObjectReader, marks: ObjectMarks, breather: Breather, options: DepthTreeWalkOptions) {
    this.#reader = reader;
    this.#marks = marks;
    this.#graphs = marks.table.graphs;
    this.#breather = breather;
    this.#depthBelow = options.depthBelow;
    this.#withBlobs = options.withBlobs;
    this.#smallest = new Uint32Array(marks.bytes.length).fill(NEVER);
  }

  collect(roots: readonly number[], found: FoundObjects): Promise<void> {
    return this.#walk(roots, 0, found);
  }

  /** Filters see what is below such trees as if it lay at the top. */
  collectGiven(trees: readonly number[], found: FoundObjects): Promise<void> {
    return this.#walk(trees, -1, found);
  }

  exclude(roots: readonly number[]): Promise<void> {
    return this.#walk(roots, 0, undefined);
  }

  /** Without `found`, what is met is the other side's. */
  async #walk(roots: readonly number[], depth: number, found: FoundObjects | undefined): Promise<void> {
    const { nodeCount } = this.#marks.table;
    for (let i = 0; i < roots.length; i++) this.#enter(roots[i]!, depth, found);
    for (;;) {
      for (let at = this.#waiting.pop(); at !== undefined; at = this.#waiting.pop()) {
        const tree = this.#waiting.pop()!;
        const pause = this.#breather.step();
        if (pause !== undefined) await pause;
        if (tree >= nodeCount) await this.#readTree(tree, at, found);
        else {
          checkTree(this.#marks, tree);
          this.#openNode(this.#graphs!.memberOf(tree), tree, at, found);
        }
      }
      const at = this.#postponed.pop();
      const tree = this.#postponed.pop();
      if (at === undefined || tree === undefined) return;
      const member = this.#graphs!.memberOf(tree);
      // Met again less deep, it was postponed again there.
      if (this.#isMet(tree, at - 1) || this.#isMet(baseOf(member, tree), at)) continue;
      const entries = member.graph.treeEntries(tree - member.base);
      this.#meetWords(member, entries, 0, entries.length, at + 1, found);
    }
  }

  /** Whether a tree was met at this depth or less deep. */
  #isMet(tree: number, depth: number): boolean {
    return this.#smallest[tree]! <= depth + 1;
  }

  /** Takes note that a tree is here, and opens it where that may bring something new. */
  #enter(tree: number, depth: number, found: FoundObjects | undefined): void {
    if (tree >= this.#smallest.length) this.#grow(tree);
    if (depth >= this.#depthBelow || this.#isMet(tree, depth)) return;
    this.#smallest[tree] = depth + 1;
    this.#meet(tree, found?.trees, found);
    if (depth + 1 < this.#depthBelow) this.#waiting.push(tree, depth);
  }

  #meet(number: number, list: number[] | undefined, found: FoundObjects | undefined): void {
    if (this.#marks.has(number, SEEN | UNINTERESTING)) return;
    this.#marks.set(number, found === undefined ? UNINTERESTING : SEEN);
    list?.push(number);
  }

  #openNode(member: GraphMember, tree: number, depth: number, found: FoundObjects | undefined): void {
    const { kinds, starts, ends, words } = member.graph;
    const node = tree - member.base;
    let start = starts[node]!;
    if (kinds[node] === NODE_TREE_BY_BASE) {
      start++;
      if (!this.#isMet(baseOf(member, tree), depth)) this.#postponed.push(tree, depth);
    }
    this.#meetWords(member, words, start, ends[node]!, depth + 1, found);
  }

  #meetWords(
    { graph, base, numbers }: GraphMember,
    words: Int32Array,
    start: number,
    end: number,
    depth: number,
    found: FoundObjects | undefined,
  ): void {
    const { kinds } = graph;
    for (let at = start; at < end; at++) {
      const word = words[at]!;
      if (word < 0) at++;
      else if (word !== GITLINK) {
        const number = numbers === undefined ? base + word : numbers[word]!;
        if ((kinds[word]! & NODE_TYPE_MASK) !== NODE_BLOB) this.#enter(number, depth, found);
        else if (this.#withBlobs) this.#meet(number, found?.blobs, found);
      }
    }
  }

  #readTree(tree: number, depth: number, found: FoundObjects | undefined): Promise<void> {
    return readEntries(this.#reader, this.#marks, tree, found === undefined, (child, isTree) => {
      if (isTree) this.#enter(child, depth + 1, found);
      else if (this.#withBlobs) this.#meet(child, found?.blobs, found);
    });
  }

  #grow(tree: number): void {
    const grown = new Uint32Array(Math.max(2 * this.#smallest.length, tree + 1)).fill(NEVER);
    grown.set(this.#smallest);
    this.#smallest = grown;
  }
}

function baseOf(member: GraphMember, tree: number): number {
  return numberAt(member, member.graph.treeBase(tree - member.base));
}

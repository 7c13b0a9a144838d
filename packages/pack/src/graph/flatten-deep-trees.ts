import type { Steps } from "../read/pace.ts";
import { badGraph } from "./bad-graph.ts";
import { applyItems } from "./expand-tree.ts";
import { checkRuns, countTreeEntries, type LinkWords } from "./link-words.ts";
import { MAX_BASE_DEPTH, NODE_TREE_BY_BASE } from "./node-kind.ts";

const STEP_NODES = 4096;
/** Only a pack that is made to cost memory has more. */
const MAX_FLAT_ENTRIES = 16 * 1024 * 1024;
/** Nor would any but such a pack have so many entries to be copied on the way. */
const MAX_COPIED_ENTRIES = 2 ** 32;
/** So many are copied before others get their turn. */
const STEP_ENTRIES = 256 * 1024;
const UNKNOWN_DEPTH = 255;
/** Entry lists are kept in pieces of this many words: an array for each would take more than most of them hold. */
const PIECE_WORDS = 64 * 1024;

/**
 * Finds trees that stand on too many bases and expands them, so that whoever expands a tree never has far to go.
 * Answers the entries of each. Throws PACK_BAD_GRAPH for bases that are none or go round, and for a pack that would take
 * too much memory.
 */
export function* flattenDeepTrees(links: LinkWords, count: number): Steps<ReadonlyMap<number, Int32Array>> {
  const { kinds, starts, words } = links;
  const depths = new Uint8Array(count).fill(UNKNOWN_DEPTH);
  const isWaiting = new Uint8Array(count);
  const flat = new FlatTrees(links);
  const chain: number[] = [];
  for (let entry = 0; entry < count; entry++) {
    if (entry % STEP_NODES === STEP_NODES - 1) yield;
    let at = entry;
    while (kinds[at] === NODE_TREE_BY_BASE && depths[at] === UNKNOWN_DEPTH) {
      if (isWaiting[at] === 1) throw badGraph("bases of trees go round", at);
      isWaiting[at] = 1;
      checkRuns(links, at, count);
      chain.push(at);
      at = words[starts[at]!]!;
    }
    let depth = kinds[at] === NODE_TREE_BY_BASE ? depths[at]! : 0;
    for (let i = chain.length - 1; i >= 0; i--) {
      const tree = chain[i]!;
      if (++depth > MAX_BASE_DEPTH) {
        depth = 0;
        yield* flat.add(tree);
      }
      depths[tree] = depth;
    }
    chain.length = 0;
  }
  return flat.entries;
}

/** Expands trees, each on the ground of those that were expanded before it. */
class FlatTrees {
  readonly entries = new Map<number, Int32Array>();
  readonly #links: LinkWords;
  #total = 0;
  #copied = 0;
  #copiedAtYield = 0;
  #piece = new Int32Array(0);
  #used = 0;
  /** What the chain's trees are made in, by turns. */
  #made: Int32Array = new Int32Array(0);
  #next: Int32Array = new Int32Array(0);

  constructor(links: LinkWords) {
    this.#links = links;
  }

  /** Throws PACK_BAD_GRAPH where all come to too much. */
  *add(tree: number): Steps<void> {
    const { kinds, starts, ends, words } = this.#links;
    const count = countTreeEntries(this.#links, tree);
    this.#total += count;
    if (this.#total > MAX_FLAT_ENTRIES) throw badGraph("its trees stand on too many bases", tree);
    const chain: number[] = [];
    let node = tree;
    while (kinds[node] === NODE_TREE_BY_BASE && !this.entries.has(node)) {
      chain.push(node);
      node = words[starts[node]!]!;
    }
    let base: Int32Array = this.entries.get(node) ?? words.subarray(starts[node], ends[node]);
    for (let i = chain.length - 1; i >= 0; i--) {
      const more = countTreeEntries(this.#links, chain[i]!);
      this.#copied += more;
      if (this.#copied > MAX_COPIED_ENTRIES) throw badGraph("its trees stand on too many bases", tree);
      if (this.#copied > this.#copiedAtYield + STEP_ENTRIES) {
        this.#copiedAtYield = this.#copied;
        yield;
      }
      if (this.#next.length < more) this.#next = new Int32Array(2 * more);
      applyItems(this.#links, chain[i]!, base, this.#next);
      base = this.#next;
      this.#next = this.#made;
      this.#made = base;
    }
    this.entries.set(tree, this.#keep(base.subarray(0, count)));
  }

  #keep(entries: Int32Array): Int32Array {
    if (this.#used + entries.length > this.#piece.length) {
      this.#piece = new Int32Array(Math.max(PIECE_WORDS, entries.length));
      this.#used = 0;
    }
    const kept = this.#piece.subarray(this.#used, this.#used + entries.length);
    this.#used += entries.length;
    kept.set(entries);
    return kept;
  }
}

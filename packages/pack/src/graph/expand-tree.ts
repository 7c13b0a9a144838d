import { countTreeEntries, type LinkWords } from "./link-words.ts";
import { NODE_TREE_BY_BASE, RUN_COUNT_MASK } from "./node-kind.ts";

/** Entry lists of trees that others are based on, the ones used last. */
export class ExpansionCache {
  readonly #limit: number;
  #young = new Map<number, Int32Array>();
  #old = new Map<number, Int32Array>();
  #youngWords = 0;

  /** Keeps up to twice `limitWords` entries. */
  constructor(limitWords: number) {
    this.#limit = limitWords;
  }

  get(tree: number): Int32Array | undefined {
    const young = this.#young.get(tree);
    if (young !== undefined) return young;
    const old = this.#old.get(tree);
    if (old === undefined) return undefined;
    this.set(tree, old);
    return old;
  }

  set(tree: number, entries: Int32Array): void {
    if (entries.length > this.#limit / 4) return;
    if (this.#youngWords + entries.length > this.#limit) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngWords = 0;
    }
    this.#young.set(tree, entries);
    this.#youngWords += entries.length;
  }
}

/**
 * The entries of a tree in its order: nodes, or `GITLINK`; a view of `links` or shared with the cache. The tree and the
 * bases that it stands on are checked ones.
 */
export function expandTree(links: LinkWords, tree: number, cache: ExpansionCache): Int32Array {
  const { kinds, starts, ends, words } = links;
  const chain: number[] = [];
  let entries: Int32Array | undefined;
  let node = tree;
  while (kinds[node] === NODE_TREE_BY_BASE) {
    entries = cache.get(node);
    if (entries !== undefined) break;
    chain.push(node);
    node = words[starts[node]!]!;
  }
  entries ??= words.subarray(starts[node], ends[node]);
  for (let i = chain.length - 1; i >= 0; i--) {
    const made = new Int32Array(countTreeEntries(links, chain[i]!));
    applyItems(links, chain[i]!, entries, made);
    cache.set(chain[i]!, made);
    entries = made;
  }
  return entries;
}

/** Writes the entries of a tree told by `base` to `entries`, which has room for them. */
export function applyItems(links: LinkWords, tree: number, base: Int32Array, entries: Int32Array): void {
  const { starts, ends, words } = links;
  const end = ends[tree]!;
  let filled = 0;
  for (let at = starts[tree]! + 1; at < end; at++) {
    const word = words[at]!;
    if (word >= 0) {
      entries[filled++] = word;
      continue;
    }
    const count = word & RUN_COUNT_MASK;
    const from = words[++at]!;
    for (let i = 0; i < count; i++) entries[filled + i] = base[from + i]!;
    filled += count;
  }
}

import type { Steps } from "../read/pace.ts";
import { badGraph } from "./bad-graph.ts";
import { ExpansionCache, expandTree } from "./expand-tree.ts";
import { checkRuns, countTreeEntries, type LinkWords } from "./link-words.ts";
import { MAX_BASE_DEPTH, NODE_TREE_BY_BASE } from "./node-kind.ts";

/** A tree that is to be told plainly. */
export interface FlatTree {
  readonly entry: number;
  readonly entries: Int32Array;
}

const STEP_NODES = 4096;
const CACHED_ENTRIES = 1024 * 1024;
/** Only a pack that is made to cost memory has more. */
const MAX_FLAT_ENTRIES = 16 * 1024 * 1024;
const UNKNOWN_DEPTH = 255;

/**
 * Finds trees that stand on too many bases and expands them, so that whoever expands a tree never has far to go.
 * Throws PACK_BAD_GRAPH for bases that are none or go round, and for a pack that would take too much memory.
 */
export function* flattenDeepTrees(links: LinkWords, count: number): Steps<readonly FlatTree[]> {
  const { kinds, starts, words } = links;
  const depths = new Uint8Array(count).fill(UNKNOWN_DEPTH);
  const isWaiting = new Uint8Array(count);
  const cache = new ExpansionCache(CACHED_ENTRIES);
  const flat: FlatTree[] = [];
  let flatEntries = 0;
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
        flatEntries += countTreeEntries(links, tree);
        if (flatEntries > MAX_FLAT_ENTRIES) throw badGraph("its trees stand on too many bases", tree);
        const entries = expandTree(links, tree, cache);
        cache.pin(tree, entries);
        flat.push({ entry: tree, entries });
        yield;
      }
      depths[tree] = depth;
    }
    chain.length = 0;
  }
  return flat;
}

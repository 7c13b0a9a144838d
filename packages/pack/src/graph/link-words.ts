import { badGraph } from "./bad-graph.ts";
import { NODE_TREE, NODE_TREE_BY_BASE, NODE_TYPE_MASK, RUN_COUNT_MASK } from "./node-kind.ts";

/** What entries link to, wherever their words lie in one array. */
export interface LinkWords {
  /** Kind of each node (`NODE_…`). */
  readonly kinds: Uint8Array;
  /** Where each entry's words start and end. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly words: Int32Array;
}

/** Trees of more entries would not be read either: 512 MiB at 24 bytes an entry. */
export const MAX_TREE_ENTRIES: number = Math.floor((512 * 1024 * 1024) / 24);

/** How many entries a tree has, by its words alone. */
export function countTreeEntries({ kinds, starts, ends, words }: LinkWords, tree: number): number {
  const end = ends[tree]!;
  let at = starts[tree]!;
  if (kinds[tree] !== NODE_TREE_BY_BASE) return end - at;
  let entries = 0;
  for (at++; at < end; at++) {
    const word = words[at]!;
    if (word < 0) {
      entries += word & RUN_COUNT_MASK;
      at++;
    } else entries++;
  }
  return entries;
}

/** Makes sure that a tree's base is a tree among the first `count` nodes and has what is copied. Throws PACK_BAD_GRAPH. */
export function checkRuns(links: LinkWords, tree: number, count: number): void {
  const { kinds, starts, ends, words } = links;
  const start = starts[tree]!;
  const end = ends[tree]!;
  const base = end > start ? words[start]! : -1;
  if (base < 0 || base >= count || (kinds[base]! & NODE_TYPE_MASK) !== NODE_TREE) {
    throw badGraph("a tree's base is no tree of the pack", tree);
  }
  const baseEntries = countTreeEntries(links, base);
  let entries = 0;
  for (let at = start + 1; at < end; at++) {
    const word = words[at]!;
    if (word >= 0) {
      entries++;
      continue;
    }
    const run = word & RUN_COUNT_MASK;
    const from = ++at < end ? words[at]! : -1;
    if (run === 0 || from < 0 || from + run > baseEntries) throw badGraph("a run is not in the base", tree);
    entries += run;
    if (entries > MAX_TREE_ENTRIES) throw badGraph("a tree has too many entries", tree);
  }
}

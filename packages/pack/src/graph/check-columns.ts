import { hashLength } from "../object-id.ts";
import type { Steps } from "../read/pace.ts";
import { badGraph } from "./bad-graph.ts";
import { type GraphColumns, SIZE_LARGE, SIZE_UNKNOWN } from "./graph-columns.ts";
import { MAX_TREE_ENTRIES } from "./link-words.ts";
import {
  GITLINK,
  MAX_BASE_DEPTH,
  NODE_BLOB,
  NODE_COMMIT,
  NODE_TAG,
  NODE_TREE,
  NODE_TREE_BY_BASE,
  NODE_TYPE_MASK,
  RUN_COUNT_MASK,
} from "./node-kind.ts";

const STEP_NODES = 16 * 1024;
/** Times are below 2^53. */
const MAX_TIME_HIGH = 0x200000;
const UNKNOWN_DEPTH = 255;

/**
 * Makes sure that a walk over these columns stays inside them, ends, and meets objects of the types that it expects.
 * The lengths of the columns are taken to fit each other. Answers, with 1 and 0, which nodes others refer to.
 * Throws PACK_BAD_GRAPH.
 */
export function* checkColumns(columns: GraphColumns): Steps<Uint8Array> {
  const { count, kinds } = columns;
  checkExternals(columns);
  const entryCounts = new Uint32Array(count);
  const isReferred = new Uint8Array(kinds.length);
  for (let node = 0; node < count; node += STEP_NODES) {
    checkNodes(columns, entryCounts, isReferred, node, Math.min(node + STEP_NODES, count));
    yield;
  }
  const depths = new Uint8Array(count).fill(UNKNOWN_DEPTH);
  for (let node = 0; node < count; node += STEP_NODES) {
    checkBases(columns, entryCounts, depths, node, Math.min(node + STEP_NODES, count));
    yield;
  }
  return isReferred;
}

function checkExternals({ format, count, kinds, externalOids }: GraphColumns): void {
  const idBytes = hashLength(format);
  for (let node = count; node < kinds.length; node++) {
    const kind = kinds[node]!;
    if (kind < NODE_COMMIT || kind > NODE_TAG) throw badGraph("an external is of no known type", node);
    const at = (node - count) * idBytes;
    if (at === 0) continue;
    let i = 0;
    while (i < idBytes && externalOids[at + i] === externalOids[at + i - idBytes]) i++;
    if (i === idBytes || externalOids[at + i]! < externalOids[at + i - idBytes]!) {
      throw badGraph("its externals are not in order", node);
    }
  }
}

/**
 * Looks at each node by itself, and notes how many entries trees have and what is referred to: not bases, nor what is
 * copied from them, which they refer to. One loop, since it is run before all else.
 */
function checkNodes(
  columns: GraphColumns,
  entryCounts: Uint32Array,
  isReferred: Uint8Array,
  from: number,
  to: number,
): void {
  const { count, kinds, sizes, largeSizes, starts, ends, words } = columns;
  const total = kinds.length;
  for (let node = from; node < to; node++) {
    const start = starts[node]!;
    const end = ends[node]!;
    if (start > end || end > words.length) throw badGraph("its words overlap", node);
    const size = sizes[node]!;
    if (size >= SIZE_LARGE && size !== SIZE_UNKNOWN) {
      const large = largeSizes[size - SIZE_LARGE];
      if (!Number.isSafeInteger(large) || large! < 0) throw badGraph("a large size is missing", node);
    }
    const kind = kinds[node]!;
    if (kind === NODE_TREE || kind === NODE_TREE_BY_BASE) {
      let at = start;
      if (kind === NODE_TREE_BY_BASE) {
        const base = at < end ? words[at++]! : -1;
        if (base < 0 || base >= count || (kinds[base]! & NODE_TYPE_MASK) !== NODE_TREE) {
          throw badGraph("a tree's base is no tree of the pack", node);
        }
      }
      let entries = 0;
      while (at < end) {
        const word = words[at++]!;
        if (word < 0) {
          if (kind === NODE_TREE || at === end) throw badGraph("a run stands where none may", node);
          entries += word & RUN_COUNT_MASK;
          at++;
          continue;
        }
        entries++;
        if (word === GITLINK) continue;
        const type = word < total ? kinds[word]! & NODE_TYPE_MASK : 0;
        if (type !== NODE_TREE && type !== NODE_BLOB) throw wrongType(node);
        isReferred[word] = 1;
      }
      if (entries > MAX_TREE_ENTRIES) throw badGraph("a tree has too many entries", node);
      entryCounts[node] = entries;
    } else if (kind === NODE_COMMIT) {
      if (end - start < 3) throw badGraph("a commit has no tree", node);
      if (words[start + 1]! >>> 0 >= MAX_TIME_HIGH) throw badGraph("a commit's time is past 2^53", node);
      for (let at = start + 2; at < end; at++) {
        const word = words[at]!;
        const type = word >= 0 && word < total ? kinds[word]! & NODE_TYPE_MASK : 0;
        if (type !== (at === start + 2 ? NODE_TREE : NODE_COMMIT)) throw wrongType(node);
        isReferred[word] = 1;
      }
    } else if (kind === NODE_TAG) {
      if (end - start !== 1 || words[start]! < 0 || words[start]! >= total) {
        throw badGraph("a tag has no target", node);
      }
      isReferred[words[start]!] = 1;
    } else if (kind !== NODE_BLOB) throw badGraph("a node is of no known kind", node);
    else if (start !== end) throw badGraph("a blob has links", node);
  }
}

/** Looks at what trees copy from their bases, and at how many of them they stand on. */
function checkBases(
  { kinds, starts, ends, words }: GraphColumns,
  entryCounts: Uint32Array,
  depths: Uint8Array,
  from: number,
  to: number,
): void {
  const chain: number[] = [];
  for (let node = from; node < to; node++) {
    if (kinds[node] !== NODE_TREE_BY_BASE) continue;
    const start = starts[node]!;
    const end = ends[node]!;
    const baseEntries = entryCounts[words[start]!]!;
    for (let at = start + 1; at < end; at++) {
      const word = words[at]!;
      if (word >= 0) continue;
      const run = word & RUN_COUNT_MASK;
      const first = words[++at]!;
      if (run === 0 || first < 0 || first + run > baseEntries)
        throw badGraph("a run is not in the base", node);
    }
    let at = node;
    while (kinds[at] === NODE_TREE_BY_BASE && depths[at] === UNKNOWN_DEPTH) {
      chain.push(at);
      if (chain.length > MAX_BASE_DEPTH) throw badGraph("a tree stands on too many bases", node);
      at = words[starts[at]!]!;
    }
    let depth = kinds[at] === NODE_TREE_BY_BASE ? depths[at]! : 0;
    if (depth + chain.length > MAX_BASE_DEPTH) throw badGraph("a tree stands on too many bases", node);
    while (chain.length > 0) depths[chain.pop()!] = ++depth;
  }
}

function wrongType(node: number): Error {
  return badGraph("an object is taken for what it is not", node);
}

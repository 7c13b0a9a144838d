import { hashLength } from "../object-id.ts";
import type { Steps } from "../read/pace.ts";
import { badGraph } from "./bad-graph.ts";
import { type GraphColumns, SIZE_LARGE, SIZE_UNKNOWN } from "./graph-columns.ts";
import { checkRuns } from "./link-words.ts";
import {
  GITLINK,
  MAX_BASE_DEPTH,
  NODE_BLOB,
  NODE_COMMIT,
  NODE_TAG,
  NODE_TREE,
  NODE_TREE_BY_BASE,
  NODE_TYPE_MASK,
} from "./node-kind.ts";

const STEP_NODES = 8192;
/** Times are below 2^53. */
const MAX_TIME_HIGH = 0x200000;
const UNKNOWN_DEPTH = 255;

/**
 * Makes sure that a walk over these columns stays inside them, ends, and meets objects of the types that it expects.
 * The lengths of the columns are taken to fit each other. Throws PACK_BAD_GRAPH.
 */
export function* checkColumns(columns: GraphColumns): Steps<void> {
  const { count, starts, ends, words } = columns;
  checkExternals(columns);
  for (let node = 0; node < count; node++) {
    if (starts[node]! > ends[node]! || ends[node]! > words.length) throw badGraph("its words overlap", node);
    checkSize(columns, node);
  }
  for (let node = 0; node < count; node++) {
    if (node % STEP_NODES === STEP_NODES - 1) yield;
    checkNode(columns, node);
  }
  yield* checkDepths(columns);
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

function checkSize({ sizes, largeSizes }: GraphColumns, node: number): void {
  const size = sizes[node]!;
  if (size < SIZE_LARGE || size === SIZE_UNKNOWN) return;
  const large = largeSizes[size - SIZE_LARGE];
  if (!Number.isSafeInteger(large) || large! < 0) throw badGraph("a large size is missing", node);
}

function checkNode(columns: GraphColumns, node: number): void {
  const { count, kinds, starts, ends, words } = columns;
  const start = starts[node]!;
  const end = ends[node]!;
  switch (kinds[node]) {
    case NODE_COMMIT:
      if (end - start < 3) throw badGraph("a commit has no tree", node);
      if (words[start + 1]! >>> 0 >= MAX_TIME_HIGH) throw badGraph("a commit's time is past 2^53", node);
      if (!isOfType(columns, words[start + 2]!, NODE_TREE)) throw wrongType(node);
      for (let at = start + 3; at < end; at++) {
        if (!isOfType(columns, words[at]!, NODE_COMMIT)) throw wrongType(node);
      }
      break;
    case NODE_TAG:
      if (end - start !== 1 || words[start]! < 0 || words[start]! >= kinds.length) {
        throw badGraph("a tag has no target", node);
      }
      break;
    case NODE_BLOB:
      if (end !== start) throw badGraph("a blob has links", node);
      break;
    case NODE_TREE:
      for (let at = start; at < end; at++) checkEntry(columns, node, words[at]!);
      break;
    case NODE_TREE_BY_BASE:
      checkRuns(columns, node, count);
      for (let at = start + 1; at < end; at++) {
        if (words[at]! < 0) at++;
        else checkEntry(columns, node, words[at]!);
      }
      break;
    default:
      throw badGraph("a node is of no known kind", node);
  }
}

function checkEntry(columns: GraphColumns, node: number, word: number): void {
  if (word === GITLINK || isOfType(columns, word, NODE_TREE) || isOfType(columns, word, NODE_BLOB)) return;
  throw wrongType(node);
}

function* checkDepths({ count, kinds, starts, words }: GraphColumns): Steps<void> {
  const depths = new Uint8Array(count).fill(UNKNOWN_DEPTH);
  const chain: number[] = [];
  for (let node = 0; node < count; node++) {
    if (node % STEP_NODES === STEP_NODES - 1) yield;
    let at = node;
    while (kinds[at] === NODE_TREE_BY_BASE && depths[at] === UNKNOWN_DEPTH) {
      chain.push(at);
      if (chain.length > MAX_BASE_DEPTH) throw badGraph("a tree stands on too many bases", node);
      at = words[starts[at]!]!;
    }
    let depth = kinds[at] === NODE_TREE_BY_BASE ? depths[at]! : 0;
    if (depth + chain.length > MAX_BASE_DEPTH) throw badGraph("a tree stands on too many bases", node);
    for (let i = chain.length - 1; i >= 0; i--) depths[chain[i]!] = ++depth;
    chain.length = 0;
  }
}

function isOfType({ kinds }: GraphColumns, word: number, type: number): boolean {
  return word >= 0 && word < kinds.length && (kinds[word]! & NODE_TYPE_MASK) === type;
}

function wrongType(node: number) {
  return badGraph("an object is taken for what it is not", node);
}

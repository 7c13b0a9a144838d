import { sortByOidSteps } from "../index-file/sort.ts";
import { hashLength } from "../object-id.ts";
import type { Steps } from "../read/pace.ts";
import type { ObjectFormat } from "../schema.ts";
import { badGraph } from "./bad-graph.ts";
import { flattenDeepTrees } from "./flatten-deep-trees.ts";
import { type GraphColumns, SIZE_LARGE, SIZE_UNKNOWN } from "./graph-columns.ts";
import type { LinkWords } from "./link-words.ts";
import { GITLINK, NODE_COMMIT, NODE_TREE, NODE_TREE_BY_BASE } from "./node-kind.ts";

/** Links of a pack's entries in pack order. */
export interface GatheredLinks extends LinkWords {
  readonly format: ObjectFormat;
  readonly packChecksum: Uint8Array;
  /** Inflated bytes; negative where they are not known. */
  readonly sizes: Float64Array;
  /** Externals in the order of their numbers, which `words` has. */
  readonly externalOids: Uint8Array;
  readonly externalKinds: Uint8Array;
}

const STEP_NODES = 4096;

/**
 * Puts externals in the order of their ids, so that the same links give the same columns, in whatever order they came.
 * Trees that stand on too many bases are told plainly. The links are used up; the result is to be checked.
 * Throws PACK_BAD_GRAPH.
 */
export function* finishColumns(links: GatheredLinks): Steps<GraphColumns> {
  const { format, packChecksum } = links;
  const count = links.kinds.length;
  const idBytes = hashLength(format);
  const externalCount = links.externalOids.length / idBytes;
  const order = yield* sortByOidSteps(links.externalOids, externalCount, idBytes);
  if (externalCount > 0) {
    const placeOf = new Uint32Array(externalCount);
    for (let i = 0; i < externalCount; i++) placeOf[order[i]!] = count + i;
    yield* moveExternals(links, placeOf);
  }
  const flat = yield* flattenDeepTrees(links, count);
  const { starts, words } = flat.size > 0 ? tellPlainly(links, flat) : links;
  const kinds = new Uint8Array(count + externalCount);
  kinds.set(links.kinds);
  for (const entry of flat.keys()) kinds[entry] = NODE_TREE;
  const externalOids = new Uint8Array(links.externalOids.length);
  for (let i = 0; i < externalCount; i++) {
    const from = order[i]! * idBytes;
    kinds[count + i] = links.externalKinds[order[i]!]!;
    for (let b = 0; b < idBytes; b++) externalOids[i * idBytes + b] = links.externalOids[from + b]!;
  }
  const ends = starts.subarray(1);
  return { format, packChecksum, count, kinds, ...packSizes(links.sizes), starts, ends, words, externalOids };
}

/** Gives externals other numbers. */
function* moveExternals({ kinds, starts, ends, words }: LinkWords, placeOf: Uint32Array): Steps<void> {
  const count = kinds.length;
  for (let entry = 0; entry < count; entry++) {
    if (entry % STEP_NODES === STEP_NODES - 1) yield;
    const end = ends[entry]!;
    // The halves of a commit's time and the base of a tree are no targets, nor is the start of a run.
    const plain = kinds[entry] === NODE_COMMIT ? 2 : kinds[entry] === NODE_TREE_BY_BASE ? 1 : 0;
    for (let at = starts[entry]! + plain; at < end; at++) {
      const word = words[at]!;
      if (word < 0) at++;
      else if (word >= count && word !== GITLINK) words[at] = placeOf[word - count]!;
    }
  }
}

/** The words of all entries with some trees told plainly, which takes more of them: hardly any pack has such. */
function tellPlainly(
  { kinds, starts, ends, words }: LinkWords,
  flat: ReadonlyMap<number, Int32Array>,
): { starts: Uint32Array; words: Int32Array } {
  const count = kinds.length;
  const newStarts = new Uint32Array(count + 1);
  for (let entry = 0, total = 0; entry < count; entry++) {
    total += flat.get(entry)?.length ?? ends[entry]! - starts[entry]!;
    if (total >= 2 ** 31) throw badGraph("it has too many links");
    newStarts[entry + 1] = total;
  }
  const newWords = new Int32Array(newStarts[count]!);
  for (let entry = 0; entry < count; entry++) {
    const entries = flat.get(entry) ?? words.subarray(starts[entry], ends[entry]);
    newWords.set(entries, newStarts[entry]);
  }
  return { starts: newStarts, words: newWords };
}

function packSizes(given: Float64Array): Pick<GraphColumns, "sizes" | "largeSizes"> {
  const sizes = new Uint32Array(given.length);
  const large: number[] = [];
  for (let i = 0; i < given.length; i++) {
    const size = given[i]!;
    if (size < 0) sizes[i] = SIZE_UNKNOWN;
    else if (size < SIZE_LARGE) sizes[i] = size;
    else {
      sizes[i] = SIZE_LARGE + large.length;
      large.push(size);
    }
  }
  return { sizes, largeSizes: Float64Array.from(large) };
}

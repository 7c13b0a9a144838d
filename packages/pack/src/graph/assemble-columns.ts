import { sortByOidSteps } from "../index-file/sort.ts";
import { hashLength } from "../object-id.ts";
import type { Steps } from "../read/pace.ts";
import type { ObjectFormat } from "../schema.ts";
import { badGraph } from "./bad-graph.ts";
import { flattenDeepTrees } from "./flatten-deep-trees.ts";
import { type GraphColumns, SIZE_LARGE, SIZE_UNKNOWN } from "./graph-columns.ts";
import type { LinkWords } from "./link-words.ts";
import { GITLINK, NODE_COMMIT, NODE_TREE, NODE_TREE_BY_BASE } from "./node-kind.ts";

/** Links of a pack's entries, in any order. */
export interface LinkPool extends LinkWords {
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
 * Puts links in pack order and externals in the order of their ids, so that the same links give the same columns, in
 * whatever order they came. Trees that stand on too many bases are told plainly. The result is to be checked.
 * Throws PACK_BAD_GRAPH.
 */
export function* assembleColumns(pool: LinkPool): Steps<GraphColumns> {
  const { format, packChecksum } = pool;
  const count = pool.kinds.length;
  const idBytes = hashLength(format);
  const externalCount = pool.externalOids.length / idBytes;
  const order = yield* sortByOidSteps(pool.externalOids, externalCount, idBytes);
  const placeOf = new Uint32Array(externalCount);
  for (let i = 0; i < externalCount; i++) placeOf[order[i]!] = count + i;
  const place = (word: number): number => (word < count || word === GITLINK ? word : placeOf[word - count]!);

  const flat = yield* flattenDeepTrees(pool, count);
  const flatAt = new Map(flat.map(({ entry, entries }) => [entry, entries]));
  const kinds = new Uint8Array(count + externalCount);
  kinds.set(pool.kinds);
  const starts = new Uint32Array(count + 1);
  for (let entry = 0, total = 0; entry < count; entry++) {
    total += flatAt.get(entry)?.length ?? pool.ends[entry]! - pool.starts[entry]!;
    if (total >= 2 ** 31) throw badGraph("it has too many links");
    starts[entry + 1] = total;
  }

  const words = new Int32Array(starts[count]!);
  for (let entry = 0; entry < count; entry++) {
    if (entry % STEP_NODES === STEP_NODES - 1) yield;
    const entries = flatAt.get(entry);
    let to = starts[entry]!;
    if (entries !== undefined) {
      kinds[entry] = NODE_TREE;
      for (let i = 0; i < entries.length; i++) words[to++] = place(entries[i]!);
      continue;
    }
    let from = pool.starts[entry]!;
    const end = pool.ends[entry]!;
    // The halves of a commit's time and the base of a tree are no targets, nor is the start of a run.
    const plain = kinds[entry] === NODE_COMMIT ? 2 : kinds[entry] === NODE_TREE_BY_BASE ? 1 : 0;
    for (let i = 0; i < plain; i++) words[to++] = pool.words[from++]!;
    while (from < end) {
      const word = pool.words[from++]!;
      words[to++] = place(word);
      if (word < 0) words[to++] = pool.words[from++]!;
    }
  }

  const externalOids = new Uint8Array(pool.externalOids.length);
  for (let i = 0; i < externalCount; i++) {
    const from = order[i]! * idBytes;
    kinds[count + i] = pool.externalKinds[order[i]!]!;
    for (let b = 0; b < idBytes; b++) externalOids[i * idBytes + b] = pool.externalOids[from + b]!;
  }
  const ends = starts.subarray(1);
  return { format, packChecksum, count, kinds, ...packSizes(pool.sizes), starts, ends, words, externalOids };
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

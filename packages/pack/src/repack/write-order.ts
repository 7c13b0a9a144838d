import { KIND_BLOB, KIND_COMMIT, KIND_TAG, KIND_TREE } from "../scan/pack-entry.ts";
import type { ObjectColumns } from "./repack-objects.ts";

/**
 * The order in which git lays out a pack: commits and tags, then trees, each in the order they are asked for, then blobs
 * family by family. Whatever a delta is based on comes before it.
 */
export function writeOrder({ count, types, bases }: ObjectColumns): Uint32Array {
  const order = new Uint32Array(count);
  const written = new Uint8Array(count);
  const path: number[] = [];
  let length = 0;

  function put(object: number): void {
    for (let at = object; at >= 0 && written[at] === 0; at = bases[at]!) path.push(at);
    for (let at = path.pop(); at !== undefined; at = path.pop()) {
      written[at] = 1;
      order[length++] = at;
    }
  }

  for (let i = 0; i < count; i++) if (types[i] === KIND_COMMIT || types[i] === KIND_TAG) put(i);
  for (let i = 0; i < count; i++) if (types[i] === KIND_TREE) put(i);

  const { first, next } = childrenOf(bases);
  for (let i = 0; i < count; i++) {
    if (types[i] !== KIND_BLOB || written[i] !== 0) continue;
    let root = i;
    while (bases[root]! >= 0) root = bases[root]!;
    path.push(root);
    for (let at = path.pop(); at !== undefined; at = path.pop()) {
      written[at] = 1;
      order[length++] = at;
      // Pushed from the last to the first: the child asked for first is written first.
      for (let child = first[at]!; child >= 0; child = next[child]!) path.push(child);
    }
  }
  return order;
}

/** The objects based on each, the last one first. */
function childrenOf(bases: Int32Array): { readonly first: Int32Array; readonly next: Int32Array } {
  const first = new Int32Array(bases.length).fill(-1);
  const next = new Int32Array(bases.length).fill(-1);
  for (let i = 0; i < bases.length; i++) {
    const base = bases[i]!;
    if (base < 0) continue;
    next[i] = first[base]!;
    first[base] = i;
  }
  return { first, next };
}

import { hashLength, type PackGraph, type PackIndex } from "@millrace/pack";

/** A pack whose objects are told by a graph. */
export interface GraphedPack {
  /** The pack's id. */
  readonly id: string;
  readonly index: PackIndex;
  readonly graph: PackGraph;
}

/** Pairs of nodes, of one pack and of another, that are the same object. */
export interface NodePairs {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

/** Above this ratio of sizes, ids are looked up one by one instead of merging the two lists. */
const LOOK_UP_RATIO = 16;

/** What was found once stays true: neither indexes nor graphs change. */
const sharedNodes = new WeakMap<PackIndex, WeakMap<PackIndex, NodePairs>>();
const foundExternals = new WeakMap<PackGraph, WeakMap<PackIndex, NodePairs>>();

/** Objects that both packs have. */
export function findSharedNodes(pack: GraphedPack, other: GraphedPack): NodePairs {
  return remembered(sharedNodes, pack.index, other.index, () => {
    const from: number[] = [];
    const to: number[] = [];
    const { index } = pack;
    const oid = new Uint8Array(hashLength(index.format));
    eachCandidate(index, other.index, (position) => {
      index.copyOid(position, oid, 0);
      const place = other.index.find(oid);
      if (place < 0) return;
      from.push(index.packRank(position));
      to.push(other.index.packRank(place));
    });
    return { from: Int32Array.from(from), to: Int32Array.from(to) };
  });
}

/** Externals of a pack that the other pack has. */
export function findExternals(pack: GraphedPack, other: GraphedPack): NodePairs {
  return remembered(foundExternals, pack.graph, other.index, () => {
    const { count, externalCount, externalOids, format } = pack.graph;
    const from: number[] = [];
    const to: number[] = [];
    for (let external = 0; external < externalCount; external++) {
      const place = other.index.find(externalOids, external * hashLength(format));
      if (place < 0) continue;
      from.push(count + external);
      to.push(other.index.packRank(place));
    }
    return { from: Int32Array.from(from), to: Int32Array.from(to) };
  });
}

/** Calls `visit` with the positions of `index` whose objects `other` may have. */
function eachCandidate(index: PackIndex, other: PackIndex, visit: (position: number) => void): void {
  if (index.count * LOOK_UP_RATIO < other.count) {
    for (let position = 0; position < index.count; position++) visit(position);
    return;
  }
  let there = 0;
  for (let here = 0; here < index.count; here++) {
    const prefix = index.prefixAt(here);
    while (there < other.count && other.prefixAt(there) < prefix) there++;
    if (there < other.count && other.prefixAt(there) === prefix) visit(here);
  }
}

function remembered<A extends object, B extends object, V>(
  memory: WeakMap<A, WeakMap<B, V>>,
  a: A,
  b: B,
  find: () => V,
): V {
  let ofA = memory.get(a);
  if (ofA === undefined) memory.set(a, (ofA = new WeakMap()));
  let value = ofA.get(b);
  if (value === undefined) ofA.set(b, (value = find()));
  return value;
}

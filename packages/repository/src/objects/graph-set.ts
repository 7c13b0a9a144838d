import {
  hashLength,
  NODE_TYPE_MASK,
  type ObjectBits,
  type ObjectFormat,
  type PackGraph,
  type PackIndex,
} from "@millrace/pack";
import type { Breather } from "../breather.ts";
import { OidTable } from "./oid-table.ts";
import { findExternals, findSharedNodes, type GraphedPack, type NodePairs } from "./pack-overlap.ts";

/** One pack among others: its nodes have the numbers from `base` on. */
export interface GraphMember {
  readonly id: string;
  readonly index: PackIndex;
  readonly graph: PackGraph;
  readonly base: number;
  /** One more than the last number. */
  readonly end: number;
  /** The number of each node, externals included; absent where that is `base` plus the node. */
  readonly numbers: Int32Array | undefined;
}

/** Remembers what commits reach, each a node of a pack that has all of it. */
export interface PastCache {
  past(packId: string, commit: number): ObjectBits | undefined;
  setPast(packId: string, commit: number, bits: ObjectBits): void;
}

/**
 * The graphs of several packs as one: each object has one number, however many packs have it and refer to it. Numbers
 * below `nodeCount` are nodes of packs, the largest pack first; from there up to `size` come objects that packs refer to
 * and that none of them has.
 */
export class GraphSet {
  readonly format: ObjectFormat;
  readonly members: readonly GraphMember[];
  readonly nodeCount: number;
  readonly size: number;
  /** Where pasts of commits are remembered. */
  readonly pasts: PastCache | undefined;
  readonly #strangers: OidTable;
  #last: GraphMember;

  private constructor(
    format: ObjectFormat,
    members: readonly GraphMember[],
    strangers: OidTable,
    pasts: PastCache | undefined,
  ) {
    this.format = format;
    this.members = members;
    this.nodeCount = members.at(-1)!.end;
    this.size = this.nodeCount + strangers.size;
    this.pasts = pasts;
    this.#strangers = strangers;
    this.#last = members[0]!;
  }

  /**
   * Puts graphs together. `undefined` where there are none, or where packs contradict each other about an object's
   * type: then only reading can tell.
   */
  static async of(
    packs: readonly GraphedPack[],
    breather: Breather,
    pasts?: PastCache,
  ): Promise<GraphSet | undefined> {
    const first = packs[0];
    if (first === undefined) return undefined;
    // An order that the packs alone decide, so that of an object that several have, always the same one counts.
    const sorted = packs.toSorted((a, b) => b.graph.count - a.graph.count || (a.id < b.id ? -1 : 1));
    const members: GraphMember[] = [];
    for (const pack of sorted) {
      const base = members.at(-1)?.end ?? 0;
      const numbers = await shareNumbers(pack, base, sorted, members, breather);
      members.push({ ...pack, base, end: base + pack.graph.count, numbers });
    }
    const { format } = first.graph;
    const strangers = new OidTable(format);
    const strangerKinds: number[] = [];
    const nodeCount = members.at(-1)!.end;
    for (const member of members) {
      await breather.step();
      if (!numberExternals(member, members, { table: strangers, kinds: strangerKinds, nodeCount }))
        return undefined;
    }
    return new GraphSet(format, members, strangers, pasts);
  }

  /** Bytes that this takes beside the graphs themselves. */
  get memoryBytes(): number {
    let bytes = 64 * (this.#strangers.size + this.members.length);
    for (const { numbers } of this.members) bytes += numbers?.byteLength ?? 0;
    return bytes;
  }

  /** The pack that has this number, which is below `nodeCount`. */
  memberOf(number: number): GraphMember {
    const last = this.#last;
    if (number >= last.base && number < last.end) return last;
    const { members } = this;
    let low = 0;
    let high = members.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (members[middle]!.end <= number) low = middle + 1;
      else high = middle;
    }
    this.#last = members[low]!;
    return this.#last;
  }

  /** The number of the id at `offset`, or -1. */
  find(oid: Uint8Array, offset: number): number {
    const { members } = this;
    for (let i = 0; i < members.length; i++) {
      const { index, base, numbers } = members[i]!;
      const position = index.find(oid, offset);
      if (position < 0) continue;
      const node = index.packRank(position);
      return numbers === undefined ? base + node : numbers[node]!;
    }
    const stranger = this.#strangers.find(oid, offset);
    return stranger < 0 ? -1 : this.nodeCount + stranger;
  }

  /** Writes the raw id of a number below `size` to `target`. */
  copyOid(number: number, target: Uint8Array): void {
    if (number >= this.nodeCount) {
      target.set(this.#strangers.bytesAt(number - this.nodeCount));
      return;
    }
    const { index, base } = this.memberOf(number);
    index.copyOid(index.packOrder()[number - base]!, target, 0);
  }
}

/** Numbers for the nodes of a pack, those of earlier packs where they have the object; absent where there is nothing to tell. */
async function shareNumbers(
  pack: GraphedPack,
  base: number,
  sorted: readonly GraphedPack[],
  earlier: readonly GraphMember[],
  breather: Breather,
): Promise<Int32Array | undefined> {
  const { count, externalCount } = pack.graph;
  const shared: (readonly [GraphMember, NodePairs])[] = [];
  for (const [i, member] of earlier.entries()) {
    await breather.step();
    const pairs = findSharedNodes(pack, sorted[i]!);
    if (pairs.from.length > 0) shared.push([member, pairs]);
  }
  if (shared.length === 0 && externalCount === 0) return undefined;
  const numbers = new Int32Array(count + externalCount).fill(-1);
  for (const [member, { from, to }] of shared) {
    for (let i = 0; i < from.length; i++) {
      if (numbers[from[i]!] === -1) numbers[from[i]!] = numberAt(member, to[i]!);
    }
  }
  for (let node = 0; node < count; node++) if (numbers[node] === -1) numbers[node] = base + node;
  return numbers;
}

/** Objects that no pack has, as they are collected. */
interface Strangers {
  readonly table: OidTable;
  /** What each is taken for. */
  readonly kinds: number[];
  readonly nodeCount: number;
}

/** Gives the externals of a pack their numbers; `false` where they are taken for what they are not. */
function numberExternals(
  member: GraphMember,
  members: readonly GraphMember[],
  strangers: Strangers,
): boolean {
  const { graph, numbers } = member;
  const { count, externalCount, externalOids, kinds } = graph;
  if (numbers === undefined || externalCount === 0) return true;
  for (const other of members) {
    if (other === member) continue;
    const { from, to } = findExternals(member, other);
    for (let i = 0; i < from.length; i++) {
      if (numbers[from[i]!] !== -1) continue;
      if (kinds[from[i]!] !== (other.graph.kinds[to[i]!]! & NODE_TYPE_MASK)) return false;
      numbers[from[i]!] = numberAt(other, to[i]!);
    }
  }
  for (let external = 0; external < externalCount; external++) {
    const node = count + external;
    if (numbers[node] !== -1) continue;
    const stranger = strangers.table.add(externalOids, external * hashLength(graph.format));
    if (stranger === strangers.kinds.length) strangers.kinds.push(kinds[node]!);
    else if (strangers.kinds[stranger] !== kinds[node]) return false;
    numbers[node] = strangers.nodeCount + stranger;
  }
  return true;
}

/** The number of a node of a member, or of one of its externals. */
export function numberAt({ base, numbers }: GraphMember, node: number): number {
  return numbers === undefined ? base + node : numbers[node]!;
}

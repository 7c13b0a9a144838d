import { type ObjectFormat, type ObjectType, type Oid, hashLength, oidFromBytes } from "@millrace/pack";
import { type GraphSet, numberAt } from "./graph-set.ts";
import { OidTable } from "./oid-table.ts";
import type { RankedPack } from "./ranked-pack.ts";

/**
 * The objects of a walk as numbers: first those that graphs know, or those of one pack where there are no graphs, then
 * others in the order of their arrival.
 */
export class ObjectNumbers {
  readonly format: ObjectFormat;
  readonly graphs: GraphSet | undefined;
  readonly ranked: RankedPack | undefined;
  /** Numbers below are nodes of graphs: their types and links are at hand. */
  readonly nodeCount: number;
  readonly #packed: GraphSet | RankedPack | undefined;
  readonly #packedSize: number;
  readonly #others: OidTable;

  /** `ranked` counts where there are no graphs: those have numbers of their own for its objects. */
  constructor(format: ObjectFormat, graphs?: GraphSet, ranked?: RankedPack) {
    this.format = format;
    this.graphs = graphs;
    this.ranked = graphs === undefined ? ranked : undefined;
    this.nodeCount = graphs?.nodeCount ?? 0;
    this.#packed = graphs ?? ranked;
    this.#packedSize = this.#packed?.size ?? 0;
    this.#others = new OidTable(format);
  }

  /** One more than the highest number. */
  get size(): number {
    return this.#packedSize + this.#others.size;
  }

  /** The number of the id at `offset`, given now if it is new: then it equals the `size` before the call. */
  add(bytes: Uint8Array, offset = 0): number {
    const packed = this.#packed;
    if (packed === undefined) return this.#others.add(bytes, offset);
    const known = this.#others.find(bytes, offset);
    if (known >= 0) return this.#packedSize + known;
    const node = packed.find(bytes, offset);
    return node >= 0 ? node : this.#packedSize + this.#others.add(bytes, offset);
  }

  /** Makes room for so many more ids that no pack above has. */
  reserve(more: number): void {
    this.#others.reserve(more);
  }

  /** The number of the id at `offset`, or -1. */
  find(bytes: Uint8Array, offset = 0): number {
    const other = this.#others.find(bytes, offset);
    if (other >= 0) return this.#packedSize + other;
    return this.#packed?.find(bytes, offset) ?? -1;
  }

  /** The raw id, owned by the caller. */
  bytesAt(number: number): Uint8Array {
    const bytes = new Uint8Array(hashLength(this.format));
    if (number >= this.#packedSize) bytes.set(this.#others.bytesAt(number - this.#packedSize));
    else this.#packed!.copyOid(number, bytes);
    return bytes;
  }

  oidAt(number: number): Oid {
    return oidFromBytes(this.bytesAt(number), 0, this.format);
  }

  /** An object's type, where a graph tells it. */
  typeAt(number: number): ObjectType | undefined {
    if (number >= this.nodeCount) return undefined;
    const { graph, base } = this.graphs!.memberOf(number);
    return graph.type(number - base);
  }

  /** An object's inflated bytes, where a graph tells them. */
  sizeAt(number: number): number | undefined {
    if (number >= this.nodeCount) return undefined;
    const { graph, base } = this.graphs!.memberOf(number);
    return graph.sizeBytes(number - base);
  }

  /** What a tag points to, where a graph tells it. */
  tagTargetAt(number: number): number | undefined {
    if (this.typeAt(number) !== "tag") return undefined;
    const member = this.graphs!.memberOf(number);
    return numberAt(member, member.graph.tagTarget(number - member.base));
  }
}

import type { PackIndex } from "@millrace/pack";

/**
 * A pack that no graph is known of and that most of is wanted of: its objects have their ranks in pack order for numbers,
 * so that sets of bits tell them and no id is copied.
 */
export class RankedPack {
  readonly id: string;
  readonly index: PackIndex;
  readonly base = 0;
  /** One more than the last number. */
  readonly end: number;

  constructor(id: string, index: PackIndex) {
    this.id = id;
    this.index = index;
    this.end = index.count;
  }

  get size(): number {
    return this.end;
  }

  /** The number of the id at `offset`, or -1. */
  find(oid: Uint8Array, offset: number): number {
    const position = this.index.find(oid, offset);
    return position < 0 ? -1 : this.index.packRank(position);
  }

  /** Writes the raw id of a number to `target`. */
  copyOid(number: number, target: Uint8Array): void {
    this.index.copyOid(this.index.packOrder()[number]!, target, 0);
  }
}

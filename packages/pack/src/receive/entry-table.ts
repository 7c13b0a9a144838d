import type { EntryKind } from "../scan/pack-entry.ts";

const FIRST_CAPACITY = 4096;

/**
 * The entries of a pack that is being indexed, a column each, in pack order.
 * It grows with what has arrived: a header's count is only a claim.
 */
export class EntryTable {
  readonly hashBytes: number;
  count = 0;
  offsets: Float64Array = new Float64Array(FIRST_CAPACITY);
  /** Inflated bytes: of the object, or of the delta's instructions. */
  sizes: Float64Array = new Float64Array(FIRST_CAPACITY);
  crcs: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  /** `EntryKind` as stored. */
  kinds: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  headerBytes: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  /** Which entry is a delta's base; -1 where there is none, or none is known yet. */
  bases: Int32Array = new Int32Array(FIRST_CAPACITY);
  /** Where a `DeltaStore` keeps the delta; 0 where it does not. */
  kept: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  /** Raw ids. Until it is resolved, a REF_DELTA has its base's id here. */
  oids: Uint8Array;
  /** Where the last entry ends. */
  bodyEnd = 12;

  constructor(hashBytes: number) {
    this.hashBytes = hashBytes;
    this.oids = new Uint8Array(FIRST_CAPACITY * hashBytes);
  }

  /** Appends an entry and answers its number. */
  add(offset: number, kind: EntryKind, sizeBytes: number, headerBytes: number): number {
    const entry = this.count;
    if (entry === this.offsets.length) this.#grow();
    this.offsets[entry] = offset;
    this.kinds[entry] = kind;
    this.sizes[entry] = sizeBytes;
    this.headerBytes[entry] = headerBytes;
    this.bases[entry] = -1;
    this.count = entry + 1;
    return entry;
  }

  /** Number of the entry that starts at `offset`, or -1. */
  find(offset: number): number {
    const offsets = this.offsets;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low < this.count && offsets[low] === offset ? low : -1;
  }

  endOffset(entry: number): number {
    return entry + 1 < this.count ? this.offsets[entry + 1]! : this.bodyEnd;
  }

  #grow(): void {
    const capacity = this.offsets.length * 2;
    this.offsets = copyTo(new Float64Array(capacity), this.offsets);
    this.sizes = copyTo(new Float64Array(capacity), this.sizes);
    this.crcs = copyTo(new Uint32Array(capacity), this.crcs);
    this.kinds = copyTo(new Uint8Array(capacity), this.kinds);
    this.headerBytes = copyTo(new Uint8Array(capacity), this.headerBytes);
    this.bases = copyTo(new Int32Array(capacity), this.bases);
    this.kept = copyTo(new Uint32Array(capacity), this.kept);
    this.oids = copyTo(new Uint8Array(capacity * this.hashBytes), this.oids);
  }
}

function copyTo<T extends Float64Array | Uint32Array | Int32Array | Uint8Array>(target: T, source: T): T {
  target.set(source);
  return target;
}

import type { EntryKind } from "../scan/pack-entry.ts";

const FIRST_CAPACITY = 4096;
/** A claim of up to so many entries is believed at once: what is not written to takes no memory. */
const CLAIMED_CAPACITY = 1 << 20;
const MAX_WORD = 0xffffffff;

/** The columns of an `EntryTable`, in memory that threads share; `count` entries of them are in use. */
export interface EntryColumns {
  readonly hashBytes: number;
  readonly count: number;
  /** Where the last entry ends. */
  readonly bodyEnd: number;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
  readonly crcs: Uint32Array;
  readonly kinds: Uint8Array;
  readonly headerBytes: Uint8Array;
  readonly bases: Int32Array;
  readonly kept: Uint32Array;
  readonly types: Uint8Array;
  readonly objectSizes: Uint32Array;
  readonly oids: Uint8Array;
  readonly largeSizes: ReadonlyMap<number, number>;
}

/**
 * The entries of a pack that is being indexed, a column each, in pack order.
 * Its memory grows with what has arrived: a header's count is only a claim.
 */
export class EntryTable implements EntryColumns {
  readonly hashBytes: number;
  count = 0;
  offsets!: Float64Array;
  /** Inflated bytes, of the object or of the delta's instructions; see `sizeOfEntry` for those that fill the word. */
  sizes!: Uint32Array;
  crcs!: Uint32Array;
  /** `EntryKind` as stored. */
  kinds!: Uint8Array;
  headerBytes!: Uint8Array;
  /** Which entry is a delta's base; -1 where there is none, or none is known yet. */
  bases!: Int32Array;
  /** Where a `DeltaStore` keeps the delta; 0 where it does not. */
  kept!: Uint32Array;
  /** The object's type as an `EntryKind` (1 to 4), once it is known. */
  types!: Uint8Array;
  /** Bytes of the object, once they are known; `MAX_WORD` where they are more. */
  objectSizes!: Uint32Array;
  /** Raw ids. Until it is resolved, a REF_DELTA has its base's id here. */
  oids!: Uint8Array;
  readonly largeSizes: Map<number, number> = new Map();
  bodyEnd = 12;

  constructor(hashBytes: number) {
    this.hashBytes = hashBytes;
    this.#resize(FIRST_CAPACITY);
  }

  /** Tells before the first entry how many there may be. */
  expect(count: number): void {
    if (count > FIRST_CAPACITY) this.#resize(Math.min(count, CLAIMED_CAPACITY));
  }

  /** Appends an entry and answers its number. */
  add(offset: number, kind: EntryKind, sizeBytes: number, headerBytes: number): number {
    const entry = this.count;
    if (entry === this.offsets.length) this.#resize(entry * 2);
    this.offsets[entry] = offset;
    this.kinds[entry] = kind;
    this.sizes[entry] = sizeWord(sizeBytes);
    if (sizeBytes >= MAX_WORD) this.largeSizes.set(entry, sizeBytes);
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

  /** The columns as they are now, for another thread; a table that grows later leaves them behind. */
  columns(): EntryColumns {
    const { hashBytes, count, bodyEnd, offsets, sizes, crcs, kinds, headerBytes, bases } = this;
    const { kept, types, objectSizes, oids, largeSizes } = this;
    return {
      hashBytes,
      count,
      bodyEnd,
      offsets,
      sizes,
      crcs,
      kinds,
      headerBytes,
      bases,
      kept,
      types,
      objectSizes,
      oids,
      largeSizes,
    };
  }

  #resize(capacity: number): void {
    this.offsets = copyTo(new Float64Array(shared(capacity * 8)), this.offsets);
    this.sizes = copyTo(new Uint32Array(shared(capacity * 4)), this.sizes);
    this.crcs = copyTo(new Uint32Array(shared(capacity * 4)), this.crcs);
    this.kinds = copyTo(new Uint8Array(shared(capacity)), this.kinds);
    this.headerBytes = copyTo(new Uint8Array(shared(capacity)), this.headerBytes);
    this.bases = copyTo(new Int32Array(shared(capacity * 4)), this.bases);
    this.kept = copyTo(new Uint32Array(shared(capacity * 4)), this.kept);
    this.types = copyTo(new Uint8Array(shared(capacity)), this.types);
    this.objectSizes = copyTo(new Uint32Array(shared(capacity * 4)), this.objectSizes);
    this.oids = copyTo(new Uint8Array(shared(capacity * this.hashBytes)), this.oids);
  }
}

/** Where an entry ends and the next one, or the pack's body, does. */
export function endOfEntry(columns: EntryColumns, entry: number): number {
  return entry + 1 < columns.count ? columns.offsets[entry + 1]! : columns.bodyEnd;
}

/** A size as the columns hold it: the full word stands for all that do not fit. */
export function sizeWord(bytes: number): number {
  return Math.min(bytes, MAX_WORD);
}

/** Inflated bytes of an entry. */
export function sizeOfEntry(columns: EntryColumns, entry: number): number {
  const word = columns.sizes[entry]!;
  return word === MAX_WORD ? (columns.largeSizes.get(entry) ?? word) : word;
}

function shared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}

function copyTo<T extends Float64Array | Uint32Array | Int32Array | Uint8Array>(
  target: T,
  source: T | undefined,
): T {
  // Pages that are not written to stay out of memory.
  if (source !== undefined) target.set(source);
  return target;
}

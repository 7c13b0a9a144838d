import { createPace } from "../read/pace.ts";
import type { PackReader } from "../read/pack-reader.ts";
import { KIND_OFS_DELTA, kindOfObjectType } from "../scan/pack-entry.ts";
import type { LooseSource } from "../write/write-loose.ts";

/** Where the objects of a pack to be made are stored, the ones that readers ask for first in front. */
export interface RepackPlaces {
  readonly packs: readonly PackReader[];
  readonly loose: readonly LooseSource[];
  /** For each object the number of its pack, or `LOOSE`. */
  readonly sources: Uint16Array;
  /** For each object its position in that pack's index, or its number among `loose`. */
  readonly positions: Uint32Array;
}

/** The source of loose objects; no pack has this number. */
export const LOOSE = 0xffff;

/** What is known of each object, by its number; in shared memory, so that threads see it. */
export interface ObjectColumns {
  readonly count: number;
  /** As packs number types. */
  readonly types: Uint8Array;
  readonly sizes: Float64Array;
  readonly sources: Uint16Array;
  /** Where the entry starts in its pack, or the number of a loose object. */
  readonly offsets: Float64Array;
  /** The number of the object it is a delta of in the pack to be made; -1: none. */
  readonly bases: Int32Array;
  /** Inflated bytes of that delta. */
  readonly deltaBytes: Uint32Array;
  /** Deltas between it and an object that is whole. */
  readonly depths: Uint16Array;
  /** Longest chain of stored deltas that stays upon it. */
  readonly heights: Uint16Array;
  /** See `STORED_DELTA` and `REUSED`. */
  readonly flags: Uint8Array;
}

/** Flag: the object is stored as a delta. */
export const STORED_DELTA = 1;
/** Flag: it stays the delta that it is. */
export const REUSED = 2;

/** Columns for `count` objects. */
export function createColumns(count: number): ObjectColumns {
  const bytes = (size: number): SharedArrayBuffer => new SharedArrayBuffer(count * size);
  return {
    count,
    types: new Uint8Array(bytes(1)),
    sizes: new Float64Array(bytes(8)),
    sources: new Uint16Array(bytes(2)),
    offsets: new Float64Array(bytes(8)),
    bases: new Int32Array(bytes(4)).fill(-1),
    deltaBytes: new Uint32Array(bytes(4)),
    depths: new Uint16Array(bytes(2)),
    heights: new Uint16Array(bytes(2)),
    flags: new Uint8Array(bytes(1)),
  };
}

/** Which object lies where: for each pack, by index position, the number of the object that is taken from there, or -1. */
export type ObjectsByPosition = readonly Int32Array[];

/** Numbers by place, the inverse of `places`. */
export function objectsByPosition({ packs, sources, positions }: RepackPlaces): ObjectsByPosition {
  const byPosition = packs.map(({ index }) => new Int32Array(index.count).fill(-1));
  for (let i = 0; i < sources.length; i++) {
    const source = sources[i]!;
    if (source !== LOOSE) byPosition[source]![positions[i]!] = i;
  }
  return byPosition;
}

/**
 * Reads from the stored entries what each object is, and which it is a delta of; a stored base counts only where it is
 * taken from the same pack, so that deltas never turn in a circle. Throws PACK_CORRUPT, PACK_MISSING_BASE.
 */
export async function describeObjects(
  places: RepackPlaces,
  byPosition: ObjectsByPosition,
  signal: AbortSignal | undefined,
): Promise<ObjectColumns> {
  const { packs, loose, sources, positions } = places;
  const columns = createColumns(sources.length);
  columns.sources.set(sources);
  for (const [source, reader] of packs.entries()) {
    await describePack(reader, byPosition[source]!, columns, signal);
  }
  for (let i = 0; i < sources.length; i++) {
    if (sources[i] !== LOOSE) continue;
    const object = loose[positions[i]!]!;
    columns.types[i] = kindOfObjectType(object.type);
    columns.sizes[i] = object.sizeBytes;
    columns.offsets[i] = positions[i]!;
  }
  return columns;
}

async function describePack(
  reader: PackReader,
  objects: Int32Array,
  columns: ObjectColumns,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { index } = reader;
  const order = index.packOrder();
  const typeAt = new Uint8Array(index.count);
  const pace = createPace();
  for (const position of order) {
    const object = objects[position]!;
    if (object < 0) continue;
    if (pace.isDue()) await pace.rest(signal);
    const offset = index.offsetAt(position);
    const entry = await reader.entryHeader(offset, { signal });
    columns.offsets[object] = offset;
    if (entry.kind < KIND_OFS_DELTA) {
      typeAt[position] = entry.kind;
      columns.types[object] = entry.kind;
      columns.sizes[object] = entry.sizeBytes;
      continue;
    }
    const base =
      entry.baseOid === undefined ? index.positionAtOffset(entry.baseOffset) : index.find(entry.baseOid);
    const known = base < 0 ? 0 : typeAt[base]!;
    typeAt[position] = known > 0 ? known : kindOfObjectType((await reader.info(position, { signal })).type);
    columns.types[object] = typeAt[position]!;
    columns.sizes[object] = await reader.objectBytes(entry, { signal });
    columns.deltaBytes[object] = entry.sizeBytes;
    columns.flags[object] = STORED_DELTA;
    columns.bases[object] = base < 0 ? -1 : objects[base]!;
  }
}

/**
 * Decides which stored deltas stay: with `reuse`, those whose base is there, as far as no chain gets longer than
 * `maxDepth`. Fills depths and heights.
 */
export function settleStoredDeltas(columns: ObjectColumns, reuse: boolean, maxDepth: number): void {
  const { count, bases, flags, depths, heights } = columns;
  if (!reuse || maxDepth === 0) {
    bases.fill(-1);
    return;
  }
  const settled = new Uint8Array(count);
  const chain: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let at = i; at >= 0 && settled[at] === 0; at = bases[at]!) chain.push(at);
    for (let at = chain.pop(); at !== undefined; at = chain.pop()) {
      settled[at] = 1;
      const base = bases[at]!;
      if (base < 0) continue;
      if (depths[base]! >= maxDepth) {
        bases[at] = -1;
        continue;
      }
      depths[at] = depths[base]! + 1;
      flags[at] = flags[at]! | REUSED;
      // Every base of a chain is settled before what is based on it; heights grow upwards from here.
      for (
        let below = base, height = 1;
        below >= 0 && heights[below]! < height;
        below = bases[below]!, height++
      ) {
        heights[below] = height;
      }
    }
  }
}

import type { PackIndex } from "../index-file/pack-index.ts";
import { hashLength } from "../object-id.ts";
import type { RandomAccess } from "../random-access.ts";
import { corrupt } from "../read/entry-source.ts";
import type { Pace } from "../read/pace.ts";
import {
  createEntryHeader,
  KIND_OFS_DELTA,
  KIND_REF_DELTA,
  MAX_ENTRY_HEADER_BYTES,
  parseEntryHeader,
} from "../scan/pack-entry.ts";
import { EntryTable } from "./entry-table.ts";

const WINDOW_BYTES = 1024 * 1024;
const NO_BASE = -1;

/**
 * Makes the table of a stored pack out of its index and the headers of its entries, which are read in one pass. Deltas
 * by id have their bases found, and count as deltas by distance; every entry has its type. Throws PACK_CORRUPT.
 */
export async function readStoredTable(
  source: RandomAccess,
  index: PackIndex,
  pace: Pace,
  signal: AbortSignal | undefined,
): Promise<EntryTable> {
  const { count, format } = index;
  const order = index.packOrder();
  const hashBytes = hashLength(format);
  const table = new EntryTable(hashBytes);
  table.expect(count);
  table.bodyEnd = source.sizeBytes - hashBytes;
  const header = createEntryHeader();
  /** Deltas by id, and the index positions of their bases. */
  const byId: number[] = [];
  for (let entry = 0; entry < count; ) {
    const start = index.offsetAt(order[entry]!);
    const bytes = await source.read(start, WINDOW_BYTES, { signal });
    // An entry that starts so near the window's end that its header may lie beyond it opens the next window.
    const isLast = start + bytes.length >= source.sizeBytes;
    const limit = isLast ? bytes.length : bytes.length - MAX_ENTRY_HEADER_BYTES;
    for (; entry < count; entry++) {
      const position = order[entry]!;
      const offset = index.offsetAt(position);
      if (offset - start >= limit && offset !== start) break;
      if (!parse(bytes, offset - start)) throw corrupt(offset, "its header is cut off");
      const { kind, sizeBytes, headerBytes } = header;
      table.add(offset, kind === KIND_REF_DELTA ? KIND_OFS_DELTA : kind, sizeBytes, headerBytes);
      index.copyOid(position, table.oids, entry * hashBytes);
      if (kind < KIND_OFS_DELTA) table.types[entry] = kind;
      else if (kind === KIND_OFS_DELTA) table.bases[entry] = table.find(offset - header.baseDistance);
      else byId.push(entry, index.find(bytes, header.baseOidOffset));
      if (kind === KIND_OFS_DELTA && table.bases[entry] === NO_BASE) {
        throw corrupt(offset, "no entry starts where its base is said to be");
      }
    }
    if (pace.isDue()) await pace.rest(signal);
  }
  for (let i = 0; i < byId.length; i += 2) {
    const base = byId[i + 1]! < 0 ? NO_BASE : table.find(index.offsetAt(byId[i + 1]!));
    if (base < 0) throw corrupt(table.offsets[byId[i]!]!, "its base is not in the pack");
    table.bases[byId[i]!] = base;
  }
  typeDeltas(table);
  return table;

  function parse(bytes: Uint8Array, at: number): boolean {
    try {
      return parseEntryHeader(bytes, at, bytes.length, format, header);
    } catch (cause) {
      throw corrupt(at, "its header is malformed", cause);
    }
  }
}

/** A delta is of its base's type. */
function typeDeltas(table: EntryTable): void {
  const { types, bases, count } = table;
  const chain: number[] = [];
  for (let entry = 0; entry < count; entry++) {
    let at = entry;
    while (types[at] === 0) {
      if (chain.length > count) throw corrupt(table.offsets[entry]!, "its delta chain is a circle");
      chain.push(at);
      at = bases[at]!;
    }
    for (let i = 0; i < chain.length; i++) types[chain[i]!] = types[at]!;
    chain.length = 0;
  }
}

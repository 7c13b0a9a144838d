import { readDeltaSizes } from "../delta/apply.ts";
import { inflateWhole } from "../inflate/inflate-whole.ts";
import { corrupt } from "../read/entry-source.ts";
import { KIND_BLOB, KIND_OFS_DELTA } from "../scan/pack-entry.ts";
import { type EntryColumns, endOfEntry, sizeOfEntry, sizeWord } from "./entry-table.ts";
import type { PackedBytes } from "./packed-entries.ts";
import { SCRATCH_BYTES, type Workspace } from "./workspace.ts";

/** What measuring needs. */
export interface MeasureOptions {
  readonly workspace: Workspace;
  readonly columns: EntryColumns;
  readonly packed: PackedBytes;
}

/** A delta says in its first 20 bytes how large its result is. */
const SIZES_BYTES = 20;
/** Room that a longer stream fills before it fails; most often that is far behind those bytes. */
const FRONT_BYTES = 1024;
const PACKED_FRONT_BYTES = 2048;
const UNTOUCHED = 0xff;

/**
 * Notes the sizes of the blobs among the entries from `first` up to `end` that are deltas, of which only the front is
 * inflated. Throws PACK_CORRUPT, PACK_BAD_DELTA.
 */
export async function measureBlobs(options: MeasureOptions, first: number, end: number): Promise<void> {
  const { columns, packed } = options;
  const { kinds, types, objectSizes } = columns;
  for (let entry = first; entry < end; entry++) {
    if (types[entry] !== KIND_BLOB || kinds[entry]! < KIND_OFS_DELTA) continue;
    const start = columns.offsets[entry]! + columns.headerBytes[entry]!;
    const length = endOfEntry(columns, entry) - start;
    const read = packed.read(start, Math.min(length, PACKED_FRONT_BYTES));
    const front = inflateFront(options, entry, read instanceof Promise ? await read : read);
    let sizes = front;
    if (sizes === undefined) {
      const whole = inflateWhole(await packed.read(start, length), 0, sizeOfEntry(columns, entry));
      if (whole === "truncated") throw corrupt(columns.offsets[entry]!, "its content is cut off");
      sizes = whole.content;
    }
    objectSizes[entry] = sizeWord(readDeltaSizes(sizes).resultBytes);
  }
}

/** The first bytes of an entry's content; `undefined` where the packed bytes at hand do not tell. */
function inflateFront(
  { workspace, columns }: MeasureOptions,
  entry: number,
  packed: Uint8Array,
): Uint8Array | undefined {
  const { kernel, packed: from, delta: target } = workspace;
  const bytes = sizeOfEntry(columns, entry);
  const room = Math.min(bytes, FRONT_BYTES);
  if (packed.length > SCRATCH_BYTES) return undefined;
  kernel.bytes.set(packed, from);
  kernel.bytes.fill(UNTOUCHED, target, target + SIZES_BYTES);
  const consumed = kernel.inflate(from, from + packed.length, target, room);
  if (consumed <= 0 && bytes <= FRONT_BYTES) return undefined;
  const front = kernel.bytes.subarray(target, target + Math.min(bytes, SIZES_BYTES));
  // Bytes come in order: where the last one came, all did. It may also be as it was by chance, then all is inflated.
  return front[front.length - 1] === UNTOUCHED ? undefined : front;
}

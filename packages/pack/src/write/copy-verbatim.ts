import { PackError } from "../errors.ts";
import type { PackIndex } from "../index-file/pack-index.ts";
import type { PackReader } from "../read/pack-reader.ts";
import { KIND_OFS_DELTA } from "../scan/pack-entry.ts";
import type { PackWriteStats } from "./copy-selection.ts";

/** How many entries of a pack are deltas, counted when it was first written whole. */
const deltaCounts = new WeakMap<PackIndex, number>();

/**
 * Streams a whole stored pack as it is; nothing is hashed, the receiver checks its trailer.
 * The chunks belong to the receiver. Throws PACK_TRUNCATED, PACK_BAD_INDEX.
 */
export async function* copyVerbatim(
  reader: PackReader,
  chunkBytes: number,
  stats: PackWriteStats,
  signal: AbortSignal | undefined,
  onWritten: (objects: number) => void,
): AsyncGenerator<Uint8Array> {
  const { index, source } = reader;
  const known = deltaCounts.get(index);
  const order = known === undefined ? index.packOrder() : undefined;
  let rank = 0;
  let reported = 0;
  let next = startRead(0);
  for (let at = 0; at < source.sizeBytes; ) {
    const bytes = await next;
    const end = at + bytes.length;
    if (end < source.sizeBytes) next = startRead(end);
    if (order !== undefined) {
      for (; rank < index.count; rank++) {
        const entry = index.offsetAt(order[rank]!) - at;
        if (entry >= bytes.length) break;
        if (((bytes[entry]! >> 4) & 7) >= KIND_OFS_DELTA) stats.deltas++;
      }
    }
    if (end === source.sizeBytes) {
      if (!endsWith(bytes, index.packChecksum)) {
        throw new PackError("PACK_BAD_INDEX", "the index belongs to another pack");
      }
      if (known === undefined) deltaCounts.set(index, stats.deltas);
      else stats.deltas = known;
      stats.reused = index.count;
      stats.reusedDeltas = stats.deltas;
    }
    stats.bytes = end;
    const written = Math.floor((index.count * end) / source.sizeBytes);
    onWritten(written - reported);
    reported = written;
    yield bytes;
    at = end;
  }

  function startRead(offset: number): Promise<Uint8Array> {
    const bytes = readChunk(offset);
    bytes.catch(() => undefined);
    return bytes;
  }

  async function readChunk(offset: number): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const rest = source.sizeBytes - offset;
    // The trailer comes in one piece with what is before it.
    const length = rest < chunkBytes + 64 ? rest : chunkBytes;
    const bytes = await source.read(offset, length, { signal });
    if (bytes.length < length) {
      throw new PackError("PACK_TRUNCATED", "the stored pack is shorter than it was", {
        offset: offset + bytes.length,
      });
    }
    return bytes;
  }
}

function endsWith(bytes: Uint8Array, ending: Uint8Array): boolean {
  const from = bytes.length - ending.length;
  for (let i = 0; i < ending.length; i++) if (bytes[from + i] !== ending[i]) return false;
  return true;
}

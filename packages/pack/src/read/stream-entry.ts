import { constants, inflateSync } from "node:zlib";
import type { BlockReader } from "../cache/block-cache.ts";
import { PackError } from "../errors.ts";
import { createInflater } from "../inflate/inflater.ts";
import type { RandomAccess } from "../random-access.ts";
import { corrupt, type StoredEntry } from "./entry-source.ts";

const PACKED_PIECE_BYTES = 128 * 1024;

/**
 * The inflated content of a whole entry, piece by piece from the stored pack; the chunks belong to the receiver.
 * Throws PACK_CORRUPT.
 */
export async function* streamEntry(
  source: RandomAccess,
  entry: StoredEntry,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let inflated: Uint8Array[] = [];
  const inflater = createInflater({ onOutput: (bytes) => inflated.push(bytes.slice()), wholeBytes: 0 });
  inflater.reset(entry.sizeBytes);
  for (let at = entry.offset + entry.headerBytes; !inflater.done; at += PACKED_PIECE_BYTES) {
    if (at >= entry.endOffset) throw corrupt(entry.offset, "its content is cut off");
    const packed = await source.read(at, Math.min(PACKED_PIECE_BYTES, entry.endOffset - at), { signal });
    if (packed.length === 0) throw corrupt(entry.offset, "the pack ends inside it");
    try {
      // In small steps, so that a highly compressed stretch does not pile up output.
      const stepBytes = 4 * 1024;
      for (let from = 0; from < packed.length && !inflater.done; from += stepBytes) {
        inflater.push(packed, from, Math.min(from + stepBytes, packed.length));
        if (inflated.length > 0) {
          const ready = inflated;
          inflated = [];
          yield* ready;
        }
      }
    } catch (cause) {
      if (!(cause instanceof PackError)) throw cause;
      throw corrupt(entry.offset, "its content does not inflate", cause);
    }
  }
}

/** The size of what a delta makes, from its first bytes (gitformat-pack, "deltified representation"). */
export async function readDeltaResultBytes(
  blocks: BlockReader,
  entry: StoredEntry,
  signal: AbortSignal | undefined,
): Promise<number> {
  const start = entry.offset + entry.headerBytes;
  // The tables of a deflate block take a few hundred bytes before the first output.
  for (let length = 512; ; length *= 8) {
    const wanted = Math.min(length, entry.endOffset - start);
    const packed = blocks.tryRead(start, wanted) ?? (await blocks.read(start, wanted, { signal }));
    const resultBytes = resultBytesOf(inflateHead(entry, packed));
    if (resultBytes >= 0) return resultBytes;
    if (wanted < length) throw corrupt(entry.offset, "its delta has no sizes");
  }
}

function inflateHead(entry: StoredEntry, packed: Uint8Array): Uint8Array {
  try {
    return inflateSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (cause) {
    throw corrupt(entry.offset, "its content does not inflate", cause);
  }
}

/** The second of the two sizes that a delta starts with; -1 where `delta` ends before. */
function resultBytesOf(delta: Uint8Array): number {
  let at = 0;
  while (at < delta.length && delta[at]! >= 0x80) at++;
  at++;
  let size = 0;
  for (let scale = 1; at < delta.length; scale *= 128) {
    const byte = delta[at++]!;
    size += (byte & 0x7f) * scale;
    if (byte < 0x80) return size;
  }
  return -1;
}

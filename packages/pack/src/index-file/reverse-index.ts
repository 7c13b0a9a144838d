import { hashLength } from "../object-id.ts";
import type { ObjectFormat } from "../schema.ts";

export const REVERSE_MAGIC = 0x52494458;
export const REVERSE_VERSION = 1;
export const REVERSE_HEADER_BYTES = 12;

/** How a reverse index names a hash function. */
export function reverseHashNumber(format: ObjectFormat): number {
  return format === "sha1" ? 1 : 2;
}

/**
 * The part of a reverse index that holds positions (gitformat-pack, "pack-*.rev files"), 32-bit words as in the file;
 * `undefined` where the file is not this pack's. Whether they are in order is the caller's to find out; the file's
 * checksum is not looked at.
 */
export function readReverseIndex(
  bytes: Uint8Array,
  format: ObjectFormat,
  count: number,
  packChecksum: Uint8Array,
): Uint8Array | undefined {
  const end = REVERSE_HEADER_BYTES + 4 * count;
  if (bytes.length !== end + 2 * hashLength(format)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isKnown = view.getUint32(0) === REVERSE_MAGIC && view.getUint32(4) === REVERSE_VERSION;
  if (!isKnown || view.getUint32(8) !== reverseHashNumber(format)) return undefined;
  for (let i = 0; i < packChecksum.length; i++) if (bytes[end + i] !== packChecksum[i]) return undefined;
  return bytes.subarray(REVERSE_HEADER_BYTES, end);
}

/** The positions that a reverse index holds, if rising offsets show that they are in order: each is there once then. */
export function orderInReverse(
  positions: Uint8Array | undefined,
  offsets: Float64Array,
): Uint32Array | undefined {
  if (positions === undefined) return undefined;
  const view = new DataView(positions.buffer, positions.byteOffset, positions.byteLength);
  const order = new Uint32Array(offsets.length);
  let last = -1;
  for (let rank = 0; rank < order.length; rank++) {
    const position = view.getUint32(4 * rank);
    const offset = offsets[position] ?? -1;
    if (offset <= last) return undefined;
    order[rank] = position;
    last = offset;
  }
  return order;
}

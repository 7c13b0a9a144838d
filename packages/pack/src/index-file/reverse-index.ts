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
 * Index positions in pack order, as a reverse index tells them (gitformat-pack, "pack-*.rev files"); `undefined` where
 * the file is not this pack's. Whether they are in order is the caller's to find out; the file's checksum is not looked
 * at.
 */
export function readReverseIndex(
  bytes: Uint8Array,
  format: ObjectFormat,
  count: number,
  packChecksum: Uint8Array,
): Uint32Array | undefined {
  const end = REVERSE_HEADER_BYTES + 4 * count;
  if (bytes.length !== end + 2 * hashLength(format)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isKnown = view.getUint32(0) === REVERSE_MAGIC && view.getUint32(4) === REVERSE_VERSION;
  if (!isKnown || view.getUint32(8) !== reverseHashNumber(format)) return undefined;
  for (let i = 0; i < packChecksum.length; i++) if (bytes[end + i] !== packChecksum[i]) return undefined;
  const words = new Uint8Array(bytes.subarray(REVERSE_HEADER_BYTES, end));
  Buffer.from(words.buffer).swap32();
  return new Uint32Array(words.buffer);
}

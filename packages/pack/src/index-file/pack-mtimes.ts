import { PackError } from "../errors.ts";
import { createHasher } from "../hash.ts";
import { hashLength } from "../object-id.ts";
import type { ObjectFormat } from "../schema.ts";
import type { PackIndex } from "./pack-index.ts";

const SIGNATURE = 0x4d544d45;
const VERSION = 1;
const HEADER_BYTES = 12;

/**
 * Encodes when each object of a cruft pack was last needed (gitformat-pack, "pack-*.mtimes files"): seconds since 1970
 * by index position. The bytes belong to the caller.
 */
export function encodePackMtimes(index: PackIndex, seconds: Uint32Array): Uint8Array {
  const { format, count, packChecksum } = index;
  const hashBytes = hashLength(format);
  const bytes = new Uint8Array(HEADER_BYTES + 4 * count + 2 * hashBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SIGNATURE);
  view.setUint32(4, VERSION);
  view.setUint32(8, hashNumber(format));
  for (let i = 0; i < count; i++) view.setUint32(HEADER_BYTES + 4 * i, seconds[i]!);
  bytes.set(packChecksum, HEADER_BYTES + 4 * count);
  const hasher = createHasher(format);
  hasher.update(bytes.subarray(0, -hashBytes));
  bytes.set(hasher.digest(), bytes.length - hashBytes);
  return bytes;
}

/** Reads such a file: seconds since 1970 by index position. Throws PACK_BAD_INDEX where it is not of this pack. */
export function readPackMtimes(bytes: Uint8Array, index: PackIndex): Uint32Array {
  const { format, count, packChecksum } = index;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tableEnd = HEADER_BYTES + 4 * count;
  const isSound =
    bytes.length === tableEnd + 2 * packChecksum.length &&
    view.getUint32(0) === SIGNATURE &&
    view.getUint32(4) === VERSION &&
    view.getUint32(8) === hashNumber(format) &&
    Buffer.compare(bytes.subarray(tableEnd, tableEnd + packChecksum.length), packChecksum) === 0;
  if (!isSound) throw new PackError("PACK_BAD_INDEX", "bad times of a pack's objects");
  const seconds = new Uint32Array(count);
  for (let i = 0; i < count; i++) seconds[i] = view.getUint32(HEADER_BYTES + 4 * i);
  return seconds;
}

function hashNumber(format: ObjectFormat): number {
  return format === "sha1" ? 1 : 2;
}

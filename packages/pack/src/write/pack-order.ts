import type { PackIndex } from "../index-file/pack-index.ts";

/**
 * The order in which packs are written when they are put together: the one with most objects first, equal ones by
 * checksum. An object that several packs have is best taken from the first of them: then whatever a delta is based on comes
 * before it, since a pack has the bases of its deltas.
 */
export function comparePackOrder(a: PackIndex, b: PackIndex): number {
  return b.count - a.count || Buffer.compare(a.packChecksum, b.packChecksum);
}

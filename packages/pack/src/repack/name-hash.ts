/**
 * The hash that git sorts objects by when it looks for deltas, rolled on by a piece of a path: the last characters count
 * most, so that names with the same ending come together. White space does not count. Starts with 0.
 */
export function foldName(hash: number, bytes: Uint8Array, start: number, end: number): number {
  let folded = hash;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) continue;
    folded = ((folded >>> 2) + (byte << 24)) >>> 0;
  }
  return folded;
}

const SLASH = Uint8Array.of(0x2f);

/** The hash rolled on by the slash behind a directory. */
export function foldSlash(hash: number): number {
  return foldName(hash, SLASH, 0, 1);
}

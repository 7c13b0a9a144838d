/** The most bytes whose sums stay below 2^31 before a reduction, rounded down. */
const RUN_BYTES = 3800;
const MODULUS = 65521;

/** Continues an Adler-32 checksum (RFC 1950) over `bytes[start..end]`; starts from 1, returns an unsigned number. */
export function adler32(checksum: number, bytes: Uint8Array, start: number, end: number): number {
  let a = checksum & 0xffff;
  let b = checksum >>> 16;
  let at = start;
  while (at < end) {
    const stop = end - at > RUN_BYTES ? at + RUN_BYTES : end;
    while (at < stop) {
      a += bytes[at++]!;
      b += a;
    }
    a %= MODULUS;
    b %= MODULUS;
  }
  return ((b << 16) | a) >>> 0;
}

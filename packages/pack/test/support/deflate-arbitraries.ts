import { constants } from "node:zlib";
import fc from "fast-check";

/** Content with runs, repeats near and far, and noise, so that all kinds of block and code appear. */
export const contents: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(255), fc.nat(2000)).map(([byte, count]) => new Uint8Array(count).fill(byte)),
      fc
        .constantFrom("tree ", "parent 0123456789abcdef", "the quick brown fox\n")
        .map((text) => Buffer.from(text)),
    ),
    { maxLength: 30 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));
/** Every way that zlib deflates. */
export const settings = fc.record({
  level: fc.integer({ min: 0, max: 9 }),
  strategy: fc.constantFrom(
    constants.Z_DEFAULT_STRATEGY,
    constants.Z_FILTERED,
    constants.Z_HUFFMAN_ONLY,
    constants.Z_RLE,
    constants.Z_FIXED,
  ),
  windowBits: fc.integer({ min: 9, max: 15 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { clipTargets, dropFirst, readInto, roomOf, scatter } from "./targets.ts";

const sizes = fc.array(fc.nat(20), { maxLength: 8 });
const places = (each: readonly number[]): Uint8Array[] => each.map((size) => new Uint8Array(size));

it("clips and drops as a list of bytes would", () => {
  fc.assert(
    fc.property(sizes, fc.nat(100), (each, cut) => {
      const targets = places(each);
      let next = 0;
      for (const target of targets) for (let i = 0; i < target.length; i++) target[i] = next++;
      const all = Buffer.concat(targets);
      expect(roomOf(targets)).toBe(all.length);
      expect(Buffer.concat(clipTargets(targets, cut)).equals(all.subarray(0, cut))).toBe(true);
      expect(Buffer.concat(dropFirst(targets, cut)).equals(all.subarray(cut))).toBe(true);
    }),
  );
});

it("scatters what fits and leaves the rest of the places alone", () => {
  fc.assert(
    fc.property(sizes, fc.uint8Array({ maxLength: 100 }), (each, bytes) => {
      const targets = places(each);
      scatter(bytes, targets);
      const all = Buffer.concat(targets);
      const count = Math.min(all.length, bytes.length);
      expect(all.subarray(0, count).equals(bytes.subarray(0, count))).toBe(true);
      expect(all.subarray(count).every((byte) => byte === 0)).toBe(true);
    }),
  );
});

it("reads into places from a source that only reads", async () => {
  const bytes = Uint8Array.from({ length: 50 }, (_, i) => i);
  const source = {
    sizeBytes: bytes.length,
    read: async (offset: number, length: number) => bytes.slice(offset, offset + length),
  };
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(60), async (each, offset) => {
      const targets = places(each);
      const read = await readInto(source, targets, offset);
      const expected = bytes.subarray(offset, offset + roomOf(targets));
      expect(read).toBe(expected.length);
      expect(Buffer.concat(targets).subarray(0, read).equals(expected)).toBe(true);
    }),
  );
});

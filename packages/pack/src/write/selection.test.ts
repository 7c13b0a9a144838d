import fc from "fast-check";
import { expect, it } from "vitest";
import { createBlockCache } from "../cache/block-cache.ts";
import { createByteCache } from "../cache/byte-cache.ts";
import { encodePackIndex } from "../index-file/encode.ts";
import { openPackIndex } from "../index-file/pack-index.ts";
import { openPackReader } from "../read/pack-reader.ts";
import { selectEntries } from "./selection.ts";

const COUNT = 200;

/** A reader of a pack whose entries are 10 bytes long; only its index is ever asked. */
function reader() {
  const oids = new Uint8Array(COUNT * 20);
  for (let i = 0; i < COUNT; i++) oids[i * 20] = (i * 89) % 256;
  const index = openPackIndex(
    encodePackIndex({
      format: "sha1",
      count: COUNT,
      oids,
      offsets: Float64Array.from({ length: COUNT }, (_, i) => 12 + i * 10),
      crcs: new Uint32Array(COUNT),
      packChecksum: new Uint8Array(20),
    }),
    "sha1",
  );
  return openPackReader({
    source: { sizeBytes: 12 + COUNT * 10 + 20, read: async () => new Uint8Array(0) },
    index,
    bases: createByteCache({ budgetBytes: 0 }),
    blocks: createBlockCache({ budgetBytes: 0 }),
  });
}

it("sorts by offset, knows ends, and finds entries from any hint", () => {
  const pack = reader();
  const positions = fc.uniqueArray(fc.nat(COUNT - 1), { maxLength: COUNT });
  fc.assert(
    fc.property(positions, fc.nat(COUNT + 5), fc.nat(COUNT * 10 + 40), (chosen, hint, probe) => {
      const selection = selectEntries(pack, Uint32Array.from(chosen));
      const offsets = chosen.map((position) => pack.index.offsetAt(position)).sort((a, b) => a - b);
      expect(Array.from(selection.offsets)).toEqual(offsets);
      expect(Array.from(selection.ends)).toEqual(offsets.map((offset) => offset + 10));
      expect(Array.from(selection.positions, (position) => pack.index.offsetAt(position))).toEqual(offsets);
      expect(selection.find(probe, hint)).toBe(offsets.indexOf(probe));
      for (const offset of offsets) expect(selection.find(offset, hint)).toBe(offsets.indexOf(offset));
    }),
  );
});

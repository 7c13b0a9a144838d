import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bandOf, readPackets } from "../test/support/packets.ts";
import { bandPackets, bandTexts, createBandPacker } from "./sideband.ts";

describe("createBandPacker", () => {
  it("gives the same packets for any chunks", () => {
    const bytes = new Uint8Array(200_000).map((_, index) => index * 7);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (cuts) => {
        const packer = createBandPacker();
        const out: Uint8Array[] = [];
        let from = 0;
        for (const to of [...cuts, bytes.length].sort((a, b) => a - b)) {
          const packets = packer.add(bytes.subarray(from, to));
          if (packets !== undefined) out.push(packets);
          from = to;
        }
        const last = packer.end();
        if (last !== undefined) out.push(last);
        const all = Buffer.concat(out);
        expect(all.equals(bandPackets(1, bytes))).toBe(true);
        expect(bandOf(readPackets(all), 1).equals(bytes)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("has no last packet where nothing is left", () => {
    const packer = createBandPacker();
    expect(packer.end()).toBeUndefined();
    expect(packer.add(new Uint8Array(65_515))?.length).toBe(65_520);
    expect(packer.end()).toBeUndefined();
  });
});

describe("bandTexts", () => {
  it("gives every text a packet", () => {
    expect(Buffer.from(bandTexts(2, ["a\r", "bc\n"])).toString()).toBe("0007\u0002a\r0008\u0002bc\n");
  });
});

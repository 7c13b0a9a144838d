import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OidTable } from "./oid-table.ts";

/** Ids with few different first bytes, so that they meet in the same slots. */
const crowdedOid = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.uint8Array({ minLength: 19, maxLength: 19 }))
  .map(([first, rest]) => Uint8Array.of(first, 0, 0, 0, ...rest.slice(3)));

describe("OidTable", () => {
  it("numbers ids in the order of their arrival, like a Map would", () => {
    fc.assert(
      fc.property(fc.array(crowdedOid, { maxLength: 300 }), (oids) => {
        const table = new OidTable("sha1");
        const model = new Map<string, number>();
        for (const oid of oids) {
          const hex = Buffer.from(oid).toString("hex");
          if (!model.has(hex)) model.set(hex, model.size);
          expect(table.add(oid)).toBe(model.get(hex));
        }
        expect(table.size).toBe(model.size);
        for (const [hex, number] of model) {
          expect(table.find(Buffer.from(hex, "hex"))).toBe(number);
          expect(table.oidAt(number)).toBe(hex);
        }
      }),
    );
  });

  it("grows past its first size and reads ids in the middle of other bytes", () => {
    const table = new OidTable("sha256");
    const padded = new Uint8Array(40);
    for (let i = 0; i < 5000; i++) {
      new DataView(padded.buffer).setUint32(5, i * 2_654_435_761);
      expect(table.add(padded, 5)).toBe(i);
    }
    new DataView(padded.buffer).setUint32(5, 4999 * 2_654_435_761);
    expect(table.find(padded, 5)).toBe(4999);
    expect(table.find(new Uint8Array(32).fill(0xff))).toBe(-1);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  emptyTreeOid,
  hashLength,
  isOid,
  oidFromBytes,
  oidFromHexBytes,
  oidToBytes,
  writeOid,
  zeroOid,
} from "./object-id.ts";

const code = (code: string) => expect.objectContaining({ code });
const oids = fc
  .constantFrom(20, 32)
  .chain((size) => fc.uint8Array({ minLength: size, maxLength: size }))
  .map((bytes) => Buffer.from(bytes).toString("hex"));

describe("object ids", () => {
  it("go from hex to bytes and back", () => {
    fc.assert(
      fc.property(oids, fc.nat(9), (oid, at) => {
        const format = oid.length === 40 ? "sha1" : "sha256";
        expect(Buffer.from(oidToBytes(oid)).toString("hex")).toBe(oid);
        const target = new Uint8Array(at + 40).fill(7);
        writeOid(oid, target, at);
        expect(oidFromBytes(target, at, format)).toBe(oid);
        expect(target[at + hashLength(format)]).toBe(7);
        expect(oidFromHexBytes(Buffer.from(`xx${oid}`), 2, format)).toBe(oid);
        expect(isOid(oid)).toBe(true);
        expect(isOid(oid, format)).toBe(true);
        expect(isOid(oid, format === "sha1" ? "sha256" : "sha1")).toBe(false);
      }),
    );
  });

  it("refuse everything else", () => {
    const texts = fc.oneof(fc.string(), fc.string({ unit: "binary", minLength: 40, maxLength: 40 }));
    fc.assert(
      fc.property(texts, (text) => {
        const isReal = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
        expect(isOid(text)).toBe(isReal);
        if (!isReal) expect(() => oidToBytes(text)).toThrow(code("PACK_BAD_OID"));
      }),
    );
    const upper = "A".repeat(40);
    expect(isOid(upper)).toBe(false);
    expect(() => oidToBytes(upper)).toThrow(code("PACK_BAD_OID"));
    expect(oidFromHexBytes(Buffer.from(upper), 0, "sha1")).toBeUndefined();
    expect(oidFromHexBytes(Buffer.from("ab"), 0, "sha1")).toBeUndefined();
    expect(() => writeOid("a".repeat(40), new Uint8Array(20), 1)).toThrow(code("PACK_BAD_OID"));
    expect(() => oidFromBytes(new Uint8Array(20), 1, "sha1")).toThrow(code("PACK_BAD_OID"));
  });

  it("know the special ones of each format", () => {
    for (const format of ["sha1", "sha256"] as const) {
      expect(isOid(zeroOid(format), format)).toBe(true);
      expect(isOid(emptyTreeOid(format), format)).toBe(true);
      expect(oidToBytes(zeroOid(format))).toEqual(new Uint8Array(hashLength(format)));
    }
  });
});

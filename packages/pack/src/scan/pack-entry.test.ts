import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createEntryHeader,
  encodeEntryHeader,
  type EntryKind,
  kindOfObjectType,
  MAX_ENTRY_HEADER_BYTES,
  objectTypeOfKind,
  parseEntryHeader,
} from "./pack-entry.ts";

const code = (code: string) => expect.objectContaining({ code });
const sizes = fc.oneof(fc.nat(300), fc.nat(), fc.maxSafeNat());

describe("entry headers", () => {
  it("come back as they were encoded, and not before they are whole", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<EntryKind>(1, 2, 3, 4, 6, 7),
        sizes,
        sizes.map((size) => Math.max(1, size)),
        fc.constantFrom("sha1" as const, "sha256" as const),
        fc.nat(5),
        (kind, size, distance, format, at) => {
          const oid = new Uint8Array(format === "sha1" ? 20 : 32).fill(0xab);
          const base = kind === 6 ? distance : kind === 7 ? oid : undefined;
          const encoded = encodeEntryHeader(kind, size, base);
          expect(encoded.length).toBeLessThanOrEqual(MAX_ENTRY_HEADER_BYTES);
          const bytes = new Uint8Array(at + encoded.length + 3).fill(255);
          bytes.set(encoded, at);
          const header = createEntryHeader();
          for (let end = at; end < at + encoded.length; end++) {
            expect(parseEntryHeader(bytes, at, end, format, header)).toBe(false);
          }
          expect(parseEntryHeader(bytes, at, bytes.length, format, header)).toBe(true);
          expect(header).toEqual({
            kind,
            sizeBytes: size,
            headerBytes: encoded.length,
            baseDistance: kind === 6 ? distance : 0,
            baseOidOffset: kind === 7 ? at + encoded.length - oid.length : -1,
          });
        },
      ),
    );
  });

  it("match the examples of the format", () => {
    expect([...encodeEntryHeader(3, 15)]).toEqual([0x3f]);
    expect([...encodeEntryHeader(1, 16)]).toEqual([0x90, 0x01]);
    expect([...encodeEntryHeader(6, 0, 127)]).toEqual([0x60, 0x7f]);
    expect([...encodeEntryHeader(6, 0, 128)]).toEqual([0x60, 0x80, 0x00]);
    expect([...encodeEntryHeader(6, 0, 16_512)]).toEqual([0x60, 0x80, 0x80, 0x00]);
  });

  it("refuse unknown kinds and numbers without end", () => {
    const header = createEntryHeader();
    const parse = (...bytes: number[]) =>
      parseEntryHeader(Uint8Array.from(bytes), 0, bytes.length, "sha1", header);
    expect(() => parse(0x00)).toThrow(code("PACK_CORRUPT"));
    expect(() => parse(0x50)).toThrow(code("PACK_CORRUPT"));
    expect(() => parse(0xb0, ...Array<number>(12).fill(0xff))).toThrow(code("PACK_CORRUPT"));
    expect(() => parse(0xb0, ...Array<number>(8).fill(0xff), 0x7f)).toThrow(code("PACK_CORRUPT"));
    expect(() => parse(0x60, ...Array<number>(12).fill(0xff))).toThrow(code("PACK_CORRUPT"));
    expect(() => parse(0x60, 0x00)).toThrow(code("PACK_CORRUPT"));
  });

  it("decide any bytes within the longest header", () => {
    const bytes = fc.uint8Array({ minLength: MAX_ENTRY_HEADER_BYTES, maxLength: MAX_ENTRY_HEADER_BYTES });
    fc.assert(
      fc.property(
        fc.oneof(
          bytes,
          bytes.map((b) => b.map((byte) => byte | 0x80)),
        ),
        (input) => {
          try {
            expect(parseEntryHeader(input, 0, input.length, "sha256", createEntryHeader())).toBe(true);
          } catch (error) {
            expect(error).toEqual(code("PACK_CORRUPT"));
          }
        },
      ),
    );
  });

  it("name the types of whole entries", () => {
    for (const type of ["commit", "tree", "blob", "tag"] as const) {
      expect(objectTypeOfKind(kindOfObjectType(type))).toBe(type);
    }
    expect(objectTypeOfKind(6)).toBeUndefined();
    expect(objectTypeOfKind(7)).toBeUndefined();
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PackError } from "../errors.ts";
import { hashLength, oidFromBytes } from "../object-id.ts";
import type { ObjectFormat } from "../schema.ts";
import {
  encodePackIndex,
  encodeReverseIndex,
  encodeReverseIndexOf,
  type PackIndexContent,
} from "./encode.ts";
import { openPackIndex } from "./pack-index.ts";

/** Content of an index: distinct ids, rising offsets that may pass 2^31 and 2^32. */
function contents(format: ObjectFormat): fc.Arbitrary<PackIndexContent> {
  const hashBytes = hashLength(format);
  const entry = fc.record({
    oid: fc.uint8Array({ minLength: hashBytes, maxLength: hashBytes }),
    gap: fc.oneof(fc.integer({ min: 9, max: 5000 }), fc.integer({ min: 2 ** 30, max: 2 ** 33 })),
    crc: fc.integer({ min: 0, max: 0xffffffff }),
  });
  const entries = fc.uniqueArray(entry, {
    maxLength: 40,
    selector: (e) => Buffer.from(e.oid).toString("hex"),
  });
  return entries.map((list) => {
    let offset = 12;
    const offsets = list.map((e) => {
      const at = offset;
      offset += e.gap;
      return at;
    });
    return {
      format,
      count: list.length,
      oids: new Uint8Array(Buffer.concat(list.map((e) => e.oid))),
      offsets: Float64Array.from(offsets),
      crcs: Uint32Array.from(list, (e) => e.crc),
      packChecksum: new Uint8Array(hashBytes).fill(7),
    };
  });
}

/** The same as an index of version 1, which has no CRCs. */
function encodeVersion1(content: PackIndexContent): Uint8Array {
  const v2 = openPackIndex(encodePackIndex(content), content.format);
  const fanOut = Buffer.alloc(1024);
  const entries: Buffer[] = [];
  for (let position = 0; position < v2.count; position++) {
    const oid = Buffer.from(v2.oidAt(position), "hex");
    for (let b = oid[0]!; b < 256; b++) fanOut.writeUInt32BE(position + 1, b * 4);
    const offset = Buffer.alloc(4);
    offset.writeUInt32BE(v2.offsetAt(position));
    entries.push(offset, oid);
  }
  const checksums = Buffer.alloc(2 * hashLength(content.format), 7);
  return Buffer.concat([fanOut, ...entries, checksums]);
}

describe.each(["sha1", "sha256"] as const)("pack index, %s", (format) => {
  const hashBytes = hashLength(format);

  it("gives back what was encoded", () => {
    fc.assert(
      fc.property(contents(format), (content) => {
        const index = openPackIndex(encodePackIndex(content), format);
        expect(index.count).toBe(content.count);
        expect(index.packChecksum).toEqual(content.packChecksum);
        const { count, oids, offsets, crcs } = content;
        const packBytes = (offsets[count - 1] ?? 12) + 1000;
        const order = index.packOrder();
        const copied = new Uint8Array(hashBytes + 3);
        for (let i = 0; i < count; i++) {
          const position = index.find(oids, i * hashBytes);
          const oid = oidFromBytes(oids, i * hashBytes, format);
          expect(index.findOid(oid)).toBe(position);
          expect(index.oidAt(position)).toBe(oid);
          expect(index.findPrefix(oid.slice(0, 11))).toContain(position);
          index.copyOid(position, copied, 3);
          expect(Buffer.from(copied.subarray(3)).toString("hex")).toBe(oid);
          expect(index.offsetAt(position)).toBe(offsets[i]);
          expect(index.crcAt(position)).toBe(crcs[i]);
          expect(order[i]).toBe(position);
          expect(index.positionAtOffset(offsets[i]!)).toBe(position);
          expect(index.positionAtOffset(offsets[i]! + 1)).toBe(-1);
          const end = i + 1 < count ? offsets[i + 1]! : packBytes - hashBytes;
          expect(index.endOffset(position, packBytes)).toBe(end);
          expect(index.endOfEntryAt(offsets[i]!, packBytes)).toBe(end);
          expect(index.endOfEntryAt(offsets[i]! - 1, packBytes)).toBe(-1);
        }
      }),
    );
  });

  it("takes the order from a reverse index that is right, and from nowhere else", () => {
    fc.assert(
      fc.property(contents(format), fc.nat(), fc.nat(255), fc.boolean(), (content, at, byte, isCut) => {
        const idx = encodePackIndex(content);
        const rev = encodeReverseIndex(content);
        const sorted = openPackIndex(idx, format);
        const read = openPackIndex(idx, format, rev);
        expect(read.packOrder()).toEqual(sorted.packOrder());
        expect(encodeReverseIndexOf(sorted)).toEqual(rev);
        const damaged = isCut ? rev.subarray(0, at % rev.length) : rev.slice();
        damaged[at % rev.length] = byte;
        expect(openPackIndex(idx, format, damaged).packOrder()).toEqual(sorted.packOrder());
      }),
    );
  });

  it("tells ranks, few and many", () => {
    const count = 3000;
    const oids = new Uint8Array(count * hashBytes);
    for (let i = 0; i < count; i++)
      new DataView(oids.buffer).setUint32(i * hashBytes, Math.imul(i, 2654435761));
    const offsets = Float64Array.from({ length: count }, (_, i) => 12 + 9 * i);
    const crcs = new Uint32Array(count);
    const packChecksum = new Uint8Array(hashBytes);
    const index = openPackIndex(
      encodePackIndex({ format, count, oids, offsets, crcs, packChecksum }),
      format,
    );
    const order = index.packOrder();
    for (let rank = 0; rank < count; rank++) expect(index.packRank(order[rank]!)).toBe(rank);
  });

  it("orders many entries, wherever they lie, by itself and by a reverse index", () => {
    const cases = fc.record({
      count: fc.integer({ min: 256, max: 900 }),
      seed: fc.nat(),
      // From 32 on some offsets have a table of their own.
      bits: fc.integer({ min: 10, max: 34 }),
      damagedAt: fc.nat(),
      byte: fc.nat(255),
    });
    fc.assert(
      fc.property(cases, ({ count, seed, bits, damagedAt, byte }) => {
        const oids = new Uint8Array(count * hashBytes);
        const places = new Set<number>();
        for (let i = 0; i < count; i++)
          new DataView(oids.buffer).setUint32(i * hashBytes, Math.imul(i, 2654435761) ^ seed);
        for (let word = seed; places.size < count; ) {
          word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
          places.add(Math.floor((word / 2 ** 32) * 2 ** bits));
        }
        const offsets = Float64Array.from(places).sort();
        const packChecksum = new Uint8Array(hashBytes).fill(seed);
        const content = { format, count, oids, offsets, crcs: new Uint32Array(count), packChecksum };
        const [idx, rev] = [encodePackIndex(content), encodeReverseIndex(content)];
        const index = openPackIndex(idx, format);
        const expected = Array.from({ length: count }, (_, position) => position).sort(
          (a, b) => index.offsetAt(a) - index.offsetAt(b),
        );
        expect([...index.packOrder()]).toEqual(expected);
        expect(encodeReverseIndexOf(index)).toEqual(rev);
        expect([...openPackIndex(idx, format, rev).packOrder()]).toEqual(expected);
        const damaged = rev.slice();
        damaged[12 + (damagedAt % (4 * count))] = byte;
        expect([...openPackIndex(idx, format, damaged).packOrder()]).toEqual(expected);
      }),
    );
  });

  it("does not find what is not there", () => {
    fc.assert(
      fc.property(
        contents(format),
        fc.uint8Array({ minLength: hashBytes, maxLength: hashBytes }),
        (content, oid) => {
          const index = openPackIndex(encodePackIndex(content), format);
          const hex = Buffer.from(oid).toString("hex");
          const isThere = Array.from({ length: index.count }, (_, i) => index.oidAt(i)).includes(hex);
          expect(index.find(oid) >= 0).toBe(isThere);
          expect(index.findPrefix(hex).length > 0).toBe(isThere);
          expect(index.find(oid, 1)).toBe(-1);
          expect(index.findOid(`${hex}00`)).toBe(-1);
        },
      ),
    );
  });

  it("reads version 1", () => {
    fc.assert(
      fc.property(contents(format), (content) => {
        fc.pre(content.offsets.every((offset) => offset < 2 ** 32));
        const index = openPackIndex(encodeVersion1(content), format);
        for (let i = 0; i < content.count; i++) {
          const position = index.find(content.oids, i * hashBytes);
          expect(index.offsetAt(position)).toBe(content.offsets[i]);
          expect(index.crcAt(position)).toBe(-1);
        }
      }),
    );
  });

  it("refuses files cut short and random bytes", () => {
    fc.assert(
      fc.property(contents(format), fc.double({ min: 0, max: 0.999, noNaN: true }), (content, share) => {
        const bytes = encodePackIndex(content);
        expect(() => openPackIndex(bytes.subarray(0, Math.floor(bytes.length * share)), format)).toThrow(
          expect.objectContaining({ code: "PACK_BAD_INDEX" }),
        );
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 3000, size: "max" }), (bytes) => {
        try {
          openPackIndex(bytes, format).packOrder();
        } catch (error) {
          expect(error).toBeInstanceOf(PackError);
        }
      }),
    );
  });
});

it("refuses a 64-bit offset outside its table, and unknown versions", () => {
  const content: PackIndexContent = {
    format: "sha1",
    count: 1,
    oids: new Uint8Array(20),
    offsets: Float64Array.of(2 ** 31),
    crcs: new Uint32Array(1),
    packChecksum: new Uint8Array(20),
  };
  const bytes = encodePackIndex(content);
  bytes[8 + 1024 + 20 + 4 + 3] = 1;
  expect(() => openPackIndex(bytes, "sha1").offsetAt(0)).toThrow(
    expect.objectContaining({ code: "PACK_BAD_INDEX" }),
  );
  bytes[7] = 3;
  expect(() => openPackIndex(bytes, "sha1")).toThrow(expect.objectContaining({ code: "PACK_BAD_INDEX" }));
});

it("refuses an object that is there twice", () => {
  const content: PackIndexContent = {
    format: "sha1",
    count: 2,
    oids: new Uint8Array(40).fill(3),
    offsets: Float64Array.of(12, 30),
    crcs: new Uint32Array(2),
    packChecksum: new Uint8Array(20),
  };
  expect(() => encodePackIndex(content)).toThrow(
    expect.objectContaining({ code: "PACK_DUPLICATE_OBJECT", oid: "03".repeat(20) }),
  );
  expect(encodeReverseIndex(content)).toHaveLength(12 + 8 + 40);
});

it("answers at most a few matches of a prefix", () => {
  const oids = new Uint8Array(40 * 20);
  for (let i = 0; i < 40; i++) oids[i * 20 + 19] = i;
  const index = openPackIndex(
    encodePackIndex({
      format: "sha1",
      count: 40,
      oids,
      offsets: Float64Array.from({ length: 40 }, (_, i) => 12 + i * 20),
      crcs: new Uint32Array(40),
      packChecksum: new Uint8Array(20),
    }),
    "sha1",
  );
  expect(index.findPrefix("0000")).toHaveLength(16);
  expect(index.findPrefix(`${"0".repeat(38)}1`)).toHaveLength(16);
  expect(index.findPrefix(`${"0".repeat(38)}02`)).toEqual([2]);
  expect(index.findPrefix("F0")).toEqual([]);
});

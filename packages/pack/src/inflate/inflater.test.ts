import { deflateSync, inflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deflateObject } from "./deflate.ts";
import { inflateWhole } from "./inflate-whole.ts";
import { createInflater } from "./inflater.ts";
import { contents, settings } from "../../test/support/deflate-arbitraries.ts";

const code = (code: string) => expect.objectContaining({ code });

/** Inflates in chunks of the given sizes, over and over; returns the content and what was not taken. */
function inflateChunked(input: Uint8Array, size: number, chunkSizes: readonly number[], options: object) {
  const pieces: Uint8Array[] = [];
  const inflater = createInflater({ onOutput: (bytes) => pieces.push(bytes.slice()), ...options });
  inflater.reset(size);
  let at = 0;
  for (let i = 0; at < input.length && !inflater.done; i++) {
    const end = Math.min(input.length, at + chunkSizes[i % chunkSizes.length]!);
    const taken = inflater.push(input, at, end);
    if (!inflater.done) expect(taken).toBe(end - at);
    at += taken;
  }
  return {
    content: new Uint8Array(Buffer.concat(pieces)),
    taken: at,
    done: inflater.done,
    calls: pieces.length,
  };
}

const chunkings = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });

describe("createInflater", () => {
  it.each([true, false])("inflates whatever zlib deflates, in any chunks (zlib helps: %s)", (useZlib) => {
    fc.assert(
      fc.property(contents, settings, chunkings, fc.boolean(), (content, setting, chunks, inPieces) => {
        const packed = deflateSync(content, setting);
        const input = Buffer.concat([packed, Buffer.from("what follows the stream")]);
        const options = { useZlib, wholeBytes: inPieces ? 0 : 1 << 20 };
        const result = inflateChunked(input, content.length, chunks, options);
        expect(result.done).toBe(true);
        expect(result.taken).toBe(packed.length);
        expect(Buffer.compare(result.content, content)).toBe(0);
        if (!inPieces || content.length === 0) expect(result.calls).toBe(1);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps its window over many pieces", () => {
    let noise = 1;
    const content = new Uint8Array(3_000_000).map((_, i) => {
      if ((i >> 14) % 3 === 0) noise = (noise * 1103515245 + 12345) >>> 0;
      return (i >> 14) % 3 === 0 ? noise >> 24 : (i * i) >> ((i >> 15) % 7);
    });
    for (const level of [0, 1, 6, 9]) {
      const packed = deflateSync(content, { level });
      const result = inflateChunked(packed, content.length, [65_536, 100_000, 3], { wholeBytes: 1000 });
      expect(result.done).toBe(true);
      expect(result.calls).toBeGreaterThan(5);
      expect(Buffer.compare(result.content, content)).toBe(0);
    }
  });

  it("hands over a whole object only after its checksum", () => {
    const packed = deflateSync(Buffer.from("content"));
    packed[packed.length - 1]! ^= 1;
    for (const useZlib of [true, false]) {
      const inflater = createInflater({ useZlib, onOutput: () => expect.unreachable() });
      inflater.reset(7);
      expect(() => inflater.push(packed, 0, packed.length)).toThrow(code("PACK_CORRUPT"));
      inflater.reset(7);
      expect(inflater.push(packed, 0, packed.length - 4)).toBe(packed.length - 4);
      expect(inflater.done).toBe(false);
    }
  });

  it("refuses content of any other size than declared, without making more", () => {
    const packed = deflateSync(new Uint8Array(1_000_000));
    for (const [declared, wholeBytes] of [
      [999_999, 1 << 20],
      [1_000_001, 1 << 20],
      [500_000, 10],
      [2_000_000, 10],
      [0, 10],
    ]) {
      let made = 0;
      const inflater = createInflater({ wholeBytes, onOutput: (bytes) => (made += bytes.length) });
      inflater.reset(declared!);
      expect(() => inflater.push(packed, 0, packed.length)).toThrow(code("PACK_CORRUPT"));
      expect(made).toBeLessThanOrEqual(declared!);
    }
  });

  it("judges damaged streams as zlib does", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 });
    fc.assert(
      fc.property(
        contents,
        settings,
        damage,
        fc.nat(),
        chunkings,
        (content, setting, changes, cut, chunks) => {
          const packed = deflateSync(content, setting);
          for (const [at, flip] of changes) packed[at % packed.length]! ^= flip;
          const input = packed.subarray(0, cut % 2 === 0 ? packed.length : cut % (packed.length + 1));
          let wanted: Buffer | string;
          try {
            wanted = inflateSync(input, { maxOutputLength: 1 << 22 });
          } catch (error) {
            wanted = (error as { code: string }).code;
          }
          const size = typeof wanted === "string" ? content.length : wanted.length;
          for (const sizes of [[input.length + 1], chunks]) {
            let found: Buffer | string;
            try {
              const result = inflateChunked(input, size, sizes, { useZlib: false });
              found = result.done ? Buffer.from(result.content) : "Z_BUF_ERROR";
            } catch (error) {
              expect(error).toEqual(code("PACK_CORRUPT"));
              found = "corrupt";
            }
            // Zlib may run on for longer before it sees the damage than the declared size lets us.
            if (typeof wanted !== "string") expect(found).toEqual(wanted);
            else expect(typeof found).toBe("string");
            if (wanted === "Z_DATA_ERROR") expect(found).toBe("corrupt");
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("ends on random bytes with a typed error or with hunger", () => {
    const random = fc
      .uint8Array({ maxLength: 300 })
      .map((bytes) => Buffer.concat([Buffer.from([0x78, 0x9c]), bytes]));
    fc.assert(
      fc.property(random, fc.nat(5000), chunkings, (input, size, chunks) => {
        try {
          inflateChunked(input, size, chunks, { wholeBytes: size % 2 === 0 ? 0 : 1 << 20 });
        } catch (error) {
          expect(error).toEqual(code("PACK_CORRUPT"));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("inflateWhole", () => {
  it("gives content and packed size, or says that the input ends first", () => {
    fc.assert(
      fc.property(contents, settings, fc.nat(9), fc.nat(), (content, setting, start, cut) => {
        const packed = deflateSync(content, setting);
        const input = Buffer.concat([Buffer.alloc(start), packed, Buffer.from("tail")]);
        const result = inflateWhole(input, start, content.length);
        expect(result).toEqual({ content, consumed: packed.length });
        const short = input.subarray(0, start + (cut % packed.length));
        expect(inflateWhole(short, start, content.length)).toBe("truncated");
      }),
    );
  });

  it("gives content that shares its memory with nobody", () => {
    for (const size of [0, 1, 100, 5000, 100_000]) {
      const result = inflateWhole(deflateObject(new Uint8Array(size).fill(9)), 0, size);
      if (result === "truncated") expect.unreachable();
      else expect(result.content.buffer.byteLength).toBeLessThanOrEqual(size + 1);
    }
  });

  it("allocates nothing for a size that the input cannot hold", () => {
    expect(inflateWhole(deflateObject(Uint8Array.of(1)), 0, 2 ** 50)).toBe("truncated");
    expect(() => inflateWhole(deflateObject(Uint8Array.of(1)), 0, 2)).toThrow(code("PACK_CORRUPT"));
    expect(() => inflateWhole(Buffer.from("not a stream"), 0, 3)).toThrow(code("PACK_CORRUPT"));
  });
});

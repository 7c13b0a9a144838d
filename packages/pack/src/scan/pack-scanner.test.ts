import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHasher } from "../hash.ts";
import { deflateObject } from "../inflate/deflate.ts";
import type { PackLimits } from "../schema.ts";
import { encodeEntryHeader, type EntryKind } from "./pack-entry.ts";
import { createPackScanner } from "./pack-scanner.ts";

const code = (code: string) => expect.objectContaining({ code });

interface Part {
  kind: EntryKind;
  content: Uint8Array;
  base?: number | Uint8Array;
  size?: number;
}

function packOf(parts: readonly Part[], header: { version?: number; count?: number } = {}): Uint8Array {
  const front = Buffer.from("PACK\0\0\0\0\0\0\0\0", "latin1");
  front.writeUInt32BE(header.version ?? 2, 4);
  front.writeUInt32BE(header.count ?? parts.length, 8);
  const entries = parts.flatMap(({ kind, content, base, size }) => [
    encodeEntryHeader(kind, size ?? content.length, base),
    deflateObject(content),
  ]);
  return withTrailer(Buffer.concat([front, ...entries]));
}

function withTrailer(body: Uint8Array): Uint8Array {
  const hasher = createHasher("sha1");
  hasher.update(body);
  return new Uint8Array(Buffer.concat([body, hasher.digest()]));
}

interface ScanOptions {
  chunks?: readonly number[];
  limits?: PackLimits;
  wholeObjectBytes?: number;
}

/** What a handler saw, with pieces of one content joined. */
function scan(pack: Uint8Array, { chunks = [pack.length || 1], limits, wholeObjectBytes }: ScanOptions = {}) {
  const events: unknown[] = [];
  let content: Uint8Array[] = [];
  const scanner = createPackScanner({
    format: "sha1",
    limits,
    wholeObjectBytes,
    handler: {
      onHeader: (count) => events.push(["header", count]),
      onEntry({ index, offset, kind, sizeBytes, headerBytes, baseOffset, baseOid }) {
        content = [];
        events.push([index, offset, kind, sizeBytes, headerBytes, baseOffset, baseOid?.slice()]);
      },
      onContent: (_, bytes) => content.push(bytes.slice()),
      onEntryEnd: ({ endOffset, crc32 }) =>
        events.push([Buffer.concat(content).toString("latin1"), endOffset, crc32]),
    },
  });
  let at = 0;
  for (let i = 0; at < pack.length && !scanner.done; i++) {
    const chunk = pack.slice(at, at + chunks[i % chunks.length]!);
    const taken = scanner.push(chunk);
    if (!scanner.done) expect(taken).toBe(chunk.length);
    at += taken;
    expect(scanner.bodyBytes).toBeLessThanOrEqual(at);
  }
  scanner.end();
  return { events, taken: at, bodyBytes: scanner.bodyBytes };
}

const text = (value: string) => new Uint8Array(Buffer.from(value));
const parts = fc.array(
  fc.record({
    kind: fc.constantFrom<EntryKind>(1, 2, 3, 4, 7),
    content: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(3000).map((size) => new Uint8Array(size)),
    ),
    base: fc.uint8Array({ minLength: 20, maxLength: 20 }),
  }),
  { maxLength: 12 },
);
const chunkings = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 });

describe("createPackScanner", () => {
  it("sees the same in any chunks", () => {
    fc.assert(
      fc.property(parts, chunkings, fc.constantFrom(0, 100, 1 << 20), (entries, chunks, wholeObjectBytes) => {
        const pack = packOf(entries);
        const whole = scan(pack);
        expect(whole.events.length).toBe(1 + 2 * entries.length);
        expect(whole.taken).toBe(pack.length);
        expect(whole.bodyBytes).toBe(pack.length - 20);
        expect(scan(pack, { chunks, wholeObjectBytes })).toEqual(whole);
        expect(scan(pack, { chunks: [1] })).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it("gives blobs and deltas in pieces above the bound, all else whole", () => {
    const content = new Uint8Array(2_000_000).map((_, i) => i >> 3);
    const kinds: EntryKind[] = [1, 2, 3, 4, 7];
    const pack = packOf(kinds.map((kind) => ({ kind, content, base: new Uint8Array(20) })));
    const pieces = [0, 0, 0, 0, 0];
    const sizes = [0, 0, 0, 0, 0];
    const scanner = createPackScanner({
      format: "sha1",
      handler: {
        onEntry() {},
        onContent({ index }, bytes) {
          pieces[index]!++;
          sizes[index]! += bytes.length;
        },
        onEntryEnd() {},
      },
    });
    for (let at = 0; at < pack.length; at += 1000) scanner.push(pack.slice(at, at + 1000));
    scanner.end();
    expect(sizes).toEqual(kinds.map(() => content.length));
    expect(pieces.map((count) => count > 1)).toEqual([false, false, true, false, true]);
  });

  it("takes nothing that follows the pack", () => {
    const pack = packOf([{ kind: 3, content: text("x") }]);
    const scanner = createPackScanner({
      format: "sha1",
      handler: { onEntry() {}, onContent() {}, onEntryEnd() {} },
    });
    expect(scanner.objectCount).toBe(-1);
    expect(scanner.trailer).toBeUndefined();
    expect(scanner.push(Buffer.concat([pack, text("0000")]))).toBe(pack.length);
    expect(scanner.push(text("more"))).toBe(0);
    expect(scanner.done).toBe(true);
    expect(scanner.trailer).toEqual(pack.slice(-20));
    scanner.end();
  });

  it("scans a pack without objects", () => {
    expect(scan(packOf([])).events).toEqual([["header", 0]]);
    expect(scan(packOf([], { version: 3 })).bodyBytes).toBe(12);
  });

  it("tells the base of each delta", () => {
    const first: Part = { kind: 3, content: text("base") };
    const distance = packOf([first]).length - 32;
    const { events } = scan(packOf([first, { kind: 6, content: text("delta"), base: distance }]));
    expect(events[3]).toEqual([1, 12 + distance, 6, 5, 2, 12, undefined]);
  });

  it("refuses a truncated pack wherever it ends", () => {
    const pack = packOf([
      { kind: 3, content: text("some content") },
      { kind: 7, content: text("delta"), base: new Uint8Array(20).fill(3) },
    ]);
    for (let end = 0; end < pack.length; end++) {
      expect(() => scan(pack.slice(0, end), { chunks: [7] })).toThrow(code("PACK_TRUNCATED"));
    }
  });

  it("refuses any damaged byte with a typed error", () => {
    const pack = packOf([
      { kind: 2, content: new Uint8Array(500).map((_, i) => i * i) },
      { kind: 7, content: text("delta"), base: new Uint8Array(20).fill(3) },
      { kind: 3, content: new Uint8Array(0) },
    ]);
    const codes = new Set<string>();
    for (let at = 0; at < pack.length; at++) {
      for (const flip of [1, 0x10, 0x80]) {
        const damaged = pack.slice();
        damaged[at]! ^= flip;
        for (const chunks of [[pack.length], [5]]) {
          try {
            scan(damaged, { chunks });
            expect.unreachable();
          } catch (error) {
            codes.add((error as { code: string }).code);
          }
        }
      }
    }
    expect([...codes].sort()).toEqual([
      "PACK_BAD_HEADER",
      "PACK_CHECKSUM_MISMATCH",
      "PACK_CORRUPT",
      "PACK_LIMIT_EXCEEDED",
      "PACK_TRUNCATED",
    ]);
  });

  it("ends on random bytes with a typed error", () => {
    const front = packOf([], { count: 5 }).slice(0, 12);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.boolean(), chunkings, (bytes, isPack, chunks) => {
        const input = isPack ? new Uint8Array(Buffer.concat([front, bytes])) : bytes;
        expect(() => scan(input, { chunks })).toThrow(expect.objectContaining({ name: "PackError" }));
      }),
    );
  });

  it("refuses other files, versions and bases outside the pack", () => {
    expect(() => scan(text("PUCK"))).toThrow(code("PACK_BAD_HEADER"));
    expect(() => scan(text("X"))).toThrow(code("PACK_BAD_HEADER"));
    expect(() => scan(packOf([], { version: 4 }))).toThrow(code("PACK_BAD_HEADER"));
    const before = packOf([{ kind: 6, content: text("delta"), base: 1 }]);
    expect(() => scan(before)).toThrow(expect.objectContaining({ code: "PACK_CORRUPT", offset: 12 }));
  });

  it("keeps to its limits as early as they show", () => {
    const pack = packOf([
      { kind: 3, content: text("some content") },
      { kind: 7, content: new Uint8Array(300), base: new Uint8Array(20) },
    ]);
    const limited = (limits: PackLimits) => () => scan(pack, { limits });
    expect(limited({ maxObjectCount: 1 })).toThrow(code("PACK_LIMIT_EXCEEDED"));
    expect(limited({ maxObjectBytes: 11 })).toThrow(
      expect.objectContaining({ code: "PACK_LIMIT_EXCEEDED", offset: 12 }),
    );
    expect(limited({ maxDeltaBytes: 299 })).toThrow(code("PACK_LIMIT_EXCEEDED"));
    const tree = packOf([{ kind: 2, content: new Uint8Array(300) }]);
    expect(() => scan(tree, { limits: { maxDeltaBytes: 299 } })).toThrow(code("PACK_LIMIT_EXCEEDED"));
    expect(limited({ maxPackBytes: pack.length - 1 })).toThrow(code("PACK_LIMIT_EXCEEDED"));
    const wide = { maxObjectCount: 2, maxObjectBytes: 12, maxDeltaBytes: 300, maxPackBytes: pack.length };
    expect(limited(wide)).not.toThrow();
    expect(() => scan(packOf([], { count: 50_000_001 }))).toThrow(code("PACK_LIMIT_EXCEEDED"));
  });

  it("stops a bomb at its declared size", () => {
    const bomb = deflateSync(new Uint8Array(50_000_000));
    for (const declared of [10, 2_000_000]) {
      const front = packOf([], { count: 1 }).slice(0, 12);
      const pack = withTrailer(Buffer.concat([front, encodeEntryHeader(3, declared), bomb]));
      let seen = 0;
      const scanner = createPackScanner({
        format: "sha1",
        handler: { onEntry() {}, onContent: (_, bytes) => (seen += bytes.length), onEntryEnd() {} },
      });
      expect(() => scanner.push(pack)).toThrow(expect.objectContaining({ code: "PACK_CORRUPT", offset: 12 }));
      expect(seen).toBeLessThanOrEqual(declared);
    }
  });
});

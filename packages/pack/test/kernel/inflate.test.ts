import { constants, deflateSync, inflateSync } from "node:zlib";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { INFLATE_CORRUPT, INFLATE_TRUNCATED } from "../../src/kernel/kernel.ts";
import { UNTOUCHED, createBench } from "./memory.ts";
import { contents, settings } from "../support/deflate-arbitraries.ts";

const SLACK_BYTES = 64;
const bench = createBench();
beforeEach(() => bench.clear());

/** Inflates one stream; checks that nothing past the slack is written. */
function inflate(packed: Uint8Array, targetBytes: number): { result: number; content: Buffer } {
  bench.clear();
  const source = bench.put(packed);
  const target = bench.room(targetBytes);
  const before = bench.get(target - 16, 16);
  const result = bench.kernel.inflate(source, source + packed.length, target, targetBytes);
  expect(bench.get(target - 16, 16)).toEqual(before);
  const past = bench.get(target + targetBytes + SLACK_BYTES, 64);
  expect(past.every((byte) => byte === UNTOUCHED)).toBe(true);
  return { result, content: bench.get(target, targetBytes) };
}

/** Streams of every kind of block, small enough to try all that can happen to them. */
const SMALL_STREAMS: [string, Buffer][] = [
  ["nothing", deflateSync(Buffer.alloc(0))],
  ["stored", deflateSync(Buffer.from("a stored block of some bytes"), { level: 0 })],
  ["fixed", deflateSync(Buffer.from("fixed codes, fixed codes, fixed fixed fixed"), { strategy: 4 })],
  ["dynamic", deflateSync(Buffer.from("abcabcabcdabcdabcdeabcdeabcdefgh".repeat(9) + "xyz"), { level: 9 })],
  ["a lone distance", deflateSync(Buffer.alloc(2000, "a"), { level: 9 })],
  [
    "noise",
    deflateSync(Buffer.from(Array.from({ length: 300 }, (_, i) => ((i * i * 31) >> 3) & 63)), {
      strategy: 2,
    }),
  ],
];

describe("inflate", () => {
  it("inflates whatever zlib deflates, and takes not a byte more", () => {
    fc.assert(
      fc.property(contents, settings, (content, setting) => {
        const packed = deflateSync(content, setting);
        const { result, content: found } = inflate(
          Buffer.concat([packed, Buffer.from("next")]),
          content.length,
        );
        expect(result).toBe(packed.length);
        expect(Buffer.compare(found, content)).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it("inflates large content with matches from all over the window", () => {
    let noise = 1;
    const content = Buffer.alloc(3_000_000).map((_, i) => {
      if ((i >> 14) % 3 === 0) noise = (Math.imul(noise, 1103515245) + 12345) >>> 0;
      return (i >> 14) % 3 === 0 ? noise >> 24 : (i * i) >> ((i >> 15) % 7);
    });
    for (const level of [0, 1, 6, 9]) {
      const packed = deflateSync(content, { level });
      const { result, content: found } = inflate(packed, content.length);
      expect(result).toBe(packed.length);
      expect(Buffer.compare(found, content)).toBe(0);
    }
  });

  it("reads codes of every length, for literals and for distances", () => {
    // Frequencies that grow like Fibonacci's numbers make the codes as long as they may be.
    let noise = 1;
    const random = (): number => (noise = (Math.imul(noise, 1103515245) + 12345) >>> 0) >>> 8;
    const draws: number[] = [];
    for (
      let [symbol, count, next] = [0, 1, 1];
      symbol < 22;
      [symbol, count, next] = [symbol + 1, next, count + next]
    ) {
      for (let i = 0; i < count; i++) draws.splice(random() % (draws.length + 1), 0, symbol);
    }
    const literals = Buffer.from(draws);
    const parts = [Buffer.from(Array.from({ length: 32_768 }, () => random() & 255))];
    let history = parts[0]!;
    for (const draw of draws.slice(0, 4000)) {
      const distance = Math.min(32_000, 24 + (3 << Math.floor((22 - draw) / 1.7)));
      const match = history.subarray(history.length - distance, history.length - distance + 8);
      history = Buffer.concat([history.subarray(-32_768), match, Buffer.from([random() & 255])]);
      parts.push(Buffer.from(history.subarray(-9)));
    }
    for (const [content, strategy] of [
      [literals, constants.Z_HUFFMAN_ONLY],
      [literals, constants.Z_DEFAULT_STRATEGY],
      [Buffer.concat(parts), constants.Z_DEFAULT_STRATEGY],
    ] as const) {
      const packed = deflateSync(content, { strategy, level: 9, memLevel: 9 });
      const { result, content: found } = inflate(packed, content.length);
      expect(result).toBe(packed.length);
      expect(Buffer.compare(found, content)).toBe(0);
    }
  });

  it("copies matches of every distance and length", () => {
    for (let distance = 1; distance <= 40; distance++) {
      for (const length of [3, 4, 7, 8, 15, 16, 17, 31, 63, 64, 65, 257, 258, 259, 600]) {
        const unit = Buffer.from(Array.from({ length: distance }, (_, i) => (i * 89 + distance) & 255));
        const content = Buffer.alloc(distance + length).map((_, i) => unit[i % distance]!);
        const packed = deflateSync(content, { level: 9 });
        const { result, content: found } = inflate(packed, content.length);
        expect(result).toBe(packed.length);
        expect(Buffer.compare(found, content)).toBe(0);
      }
    }
  });

  it.each(SMALL_STREAMS)("tells a stream cut at any byte from a corrupt one: %s", (_, packed) => {
    const size = inflateSync(packed).length;
    for (let end = 0; end < packed.length; end++) {
      expect(inflate(packed.subarray(0, end), size).result).toBe(INFLATE_TRUNCATED);
    }
    expect(inflate(packed, size).result).toBe(packed.length);
  });

  it("tells truncation from corruption in streams of any kind", () => {
    fc.assert(
      fc.property(contents, settings, fc.nat(), (content, setting, cut) => {
        const packed = deflateSync(content, setting);
        expect(inflate(packed.subarray(0, cut % packed.length), content.length).result).toBe(
          INFLATE_TRUNCATED,
        );
      }),
      { numRuns: 500 },
    );
  });

  it.each(SMALL_STREAMS)("judges each flipped bit as zlib does: %s", (_, packed) => {
    const size = inflateSync(packed).length;
    for (let bit = 0; bit < packed.length * 8; bit++) {
      const damaged = Buffer.from(packed);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      judge(damaged, size);
    }
  });

  it("judges damaged streams of any kind as zlib does", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(contents, settings, damage, (content, setting, changes) => {
        const packed = deflateSync(content, setting);
        for (const [at, flip] of changes) packed[at % packed.length]! ^= flip;
        judge(packed, content.length);
      }),
      { numRuns: 1000 },
    );
  });

  it("judges random bytes as zlib does", () => {
    const random = fc
      .uint8Array({ maxLength: 300 })
      .map((bytes) => Buffer.concat([Buffer.from([0x78, 0x9c]), bytes]));
    fc.assert(
      fc.property(random, fc.nat(5000), (input, size) => judge(input, size)),
      { numRuns: 2000 },
    );
  });

  it("refuses content of any other size than asked for", () => {
    fc.assert(
      fc.property(contents, settings, fc.nat(), (content, setting, other) => {
        const packed = deflateSync(content, setting);
        for (const size of [content.length + 1, content.length - 1, other % (content.length + 1)]) {
          if (size < 0 || size === content.length) continue;
          expect(inflate(packed, size).result).toBe(INFLATE_CORRUPT);
        }
      }),
    );
    expect(inflate(deflateSync(Buffer.alloc(10_000_000)), 100).result).toBe(INFLATE_CORRUPT);
  });

  it("refuses headers of other methods, windows and dictionaries", () => {
    const packed = deflateSync(Buffer.from("content"));
    const { kernel } = bench;
    const source = bench.put(packed);
    const target = bench.room(7);
    for (let method = 0; method < 256; method++) {
      for (let flags = 0; flags < 256; flags++) {
        kernel.bytes[source] = method;
        kernel.bytes[source + 1] = flags;
        const isZlib = (method * 256 + flags) % 31 === 0 && (method & 15) === 8 && method >> 4 < 8;
        const wanted = isZlib && (flags & 0x20) === 0 ? packed.length : INFLATE_CORRUPT;
        if (kernel.inflate(source, source + packed.length, target, 7) !== wanted) {
          expect.unreachable(`method ${method}, flags ${flags}`);
        }
      }
    }
  });

  it("does without a byte past what it was promised", () => {
    const content = Buffer.from("at the very end of memory");
    const packed = deflateSync(content);
    const { kernel } = bench;
    const target = kernel.heapStart;
    const end = kernel.bytes.length - SLACK_BYTES;
    kernel.ensure(end);
    kernel.bytes.set(packed, end - packed.length);
    expect(kernel.inflate(end - packed.length, end, target, content.length)).toBe(packed.length);
    expect(kernel.inflate(end - packed.length, end - 1, target, content.length)).toBe(INFLATE_TRUNCATED);
  });
});

/** Holds the judgement about a possibly damaged stream against zlib's. */
function judge(input: Buffer, sizeBytes: number): void {
  let wanted: Buffer | string;
  try {
    wanted = inflateSync(input, { maxOutputLength: 1 << 22 });
  } catch (error) {
    wanted = (error as { code: string }).code;
  }
  const { result, content } = inflate(input, typeof wanted === "string" ? sizeBytes : wanted.length);
  if (typeof wanted !== "string") {
    expect(result).toBeGreaterThan(0);
    expect(Buffer.compare(content, wanted)).toBe(0);
  } else if (wanted === "Z_BUF_ERROR") {
    // Zlib runs on into what is more than the size asked for, or waits for what can no longer be right.
    expect([INFLATE_TRUNCATED, INFLATE_CORRUPT]).toContain(result);
  } else {
    expect(result).toBe(INFLATE_CORRUPT);
  }
}

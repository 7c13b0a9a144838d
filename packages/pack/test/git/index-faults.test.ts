import * as fs from "node:fs/promises";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createHasher,
  hashLength,
  hashObject,
  indexPack,
  type ObjectFormat,
  type PackErrorCode,
  type PackLimits,
} from "../../src/index.ts";
import {
  appendingDelta,
  buildPack,
  codeOf,
  encodeEntryHeader,
  everything,
  git,
  gitIndexPack,
  makeFolder,
  makeRepository,
  memorySink,
  packObjects,
} from "./pack-fixtures.ts";

const blob = (text: string) => {
  const content = Buffer.from(text);
  return [encodeEntryHeader(3, content.length), deflateSync(content)] as const;
};
const blobOid = (text: string, format: ObjectFormat = "sha1") =>
  hashObject(format, "blob", Buffer.from(text));
const delta = (baseText: string, suffix: string, base: number | Uint8Array) => {
  const bytes = appendingDelta(Buffer.byteLength(baseText), Buffer.from(suffix));
  return [
    encodeEntryHeader(typeof base === "number" ? 6 : 7, bytes.length, base),
    deflateSync(bytes),
  ] as const;
};

describe.each([
  { format: "sha1", way: "plainly", commits: 4, maxBytes: 5000, runs: 400, step: 1, options: () => ({}) },
  {
    format: "sha1",
    way: "with all checks",
    commits: 12,
    maxBytes: 20_000,
    runs: 3000,
    step: 1,
    options: () => everything("sha1"),
  },
  // A smaller sample: what differs is the length of ids and trailer.
  { format: "sha256", way: "plainly", commits: 4, maxBytes: 5000, runs: 100, step: 5, options: () => ({}) },
  {
    format: "sha256",
    way: "with all checks",
    commits: 6,
    maxBytes: 20_000,
    runs: 300,
    step: 7,
    options: () => everything("sha256"),
  },
] as const)(
  "indexPack of a damaged pack, $format, $way",
  ({ format, commits, maxBytes, runs, step, options }) => {
    let dir: string;
    let pack: Uint8Array;
    const judge = (bytes: Uint8Array, chunkBytes?: number): Promise<PackErrorCode | undefined> =>
      codeOf(bytes, { format, ...options() }, chunkBytes);
    beforeAll(async () => {
      dir = await makeFolder();
      makeRepository(dir, format, commits);
      const flags = ["--delta-base-offset", "--depth=20", "--filter=blob:limit=5k"];
      pack = packObjects(dir, flags, `main\n^main~${commits / 2}\n`);
    });
    afterAll(() => fs.rm(dir, { recursive: true, force: true }));

    it("is a small pack that is whole", async () => {
      expect(pack.length).toBeLessThan(maxBytes);
      expect(await judge(pack)).toBeUndefined();
    });

    it("calls it truncated, wherever the stream ends", async () => {
      // The front and the trailer at every byte.
      const isTold = (length: number): boolean =>
        length < 100 || length > pack.length - 100 || length % step === 0;
      for (let length = 0; length < pack.length; length++) {
        if (!isTold(length)) continue;
        const cut = pack.subarray(0, length);
        expect(await judge(cut), `after ${length} bytes`).toBe("PACK_TRUNCATED");
        if (length % 3 === 0) expect(await judge(cut, 1 + (length % 97))).toBe("PACK_TRUNCATED");
      }
    });

    it("finds every flipped bit, and git refuses what it refuses", async () => {
      const codes = new Map<string, number>();
      for (let at = 0; at < pack.length; at += step) {
        const damaged = pack.slice();
        damaged[at]! ^= 1 << (at % 8);
        const code = await judge(damaged);
        expect(code, `bit ${at % 8} of byte ${at}`).toBeDefined();
        codes.set(code!, at);
      }
      for (const at of codes.values()) {
        const damaged = pack.slice();
        damaged[at]! ^= 1 << (at % 8);
        expect(() => git(dir, ["index-pack", "--stdin"], damaged)).toThrow();
      }
    });

    it("answers the same fault in chunks of one byte", async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(pack.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
          const damaged = pack.slice();
          damaged[at]! ^= mask;
          expect(await judge(damaged, 1)).toBe(await judge(damaged));
        }),
        { numRuns: 60 },
      );
    });

    it("stays typed where the checksum is right and the rest is not; what it accepts, git indexes alike", async () => {
      const trailerBytes = hashLength(format);
      const change = fc.tuple(fc.nat(pack.length - trailerBytes - 1), fc.nat(255));
      let accepted = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
          const damaged = pack.slice();
          for (const [at, value] of changes) damaged[at] = value;
          const hasher = createHasher(format);
          hasher.update(damaged.subarray(0, -trailerBytes));
          damaged.set(hasher.digest(), damaged.length - trailerBytes);
          if ((await judge(damaged)) !== undefined) return;
          const { idx } = await indexPack([damaged], { format, sink: memorySink() });
          expect(Buffer.compare(idx, (await gitIndexPack(damaged, format, [])).idx)).toBe(0);
          accepted++;
        }),
        { numRuns: runs },
      );
      if (runs > 400) expect(accepted).toBeGreaterThan(0);
    });

    it("stays typed where deltas are damaged before they are deflated", async () => {
      const base = "a base that is long enough for copies";
      const whole = appendingDelta(base.length, Buffer.from("and more"));
      const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
      await fc.assert(
        fc.asyncProperty(
          fc.array(change, { maxLength: 3 }),
          fc.nat(whole.length),
          async (changes, length) => {
            const damaged = whole.slice(0, length);
            for (const [at, value] of changes) if (at < length) damaged[at] = value;
            const header = encodeEntryHeader(7, length, blobOid(base, format));
            const code = await judge(buildPack([blob(base), [header, deflateSync(damaged)]], format));
            expect([undefined, "PACK_BAD_DELTA", "PACK_LIMIT_EXCEEDED", "PACK_DUPLICATE_OBJECT"]).toContain(
              code,
            );
          },
        ),
        { numRuns: 300 },
      );
    });

    it("never hangs on random bytes, nor throws anything untyped", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ maxLength: 400 }),
          fc.integer({ min: 0, max: 20 }),
          async (bytes, count) => {
            const header = Buffer.from([0x50, 0x41, 0x43, 0x4b, 0, 0, 0, 2, 0, 0, 0, count]);
            expect(await judge(Buffer.concat([header, bytes]))).toBeDefined();
            expect(await judge(bytes)).toBeDefined();
          },
        ),
        { numRuns: 200 },
      );
    });
  },
);

describe("indexPack of a malformed pack", () => {
  it.each<[string, Uint8Array, PackErrorCode]>([
    ["the same object twice", buildPack([blob("a"), blob("a")]), "PACK_DUPLICATE_OBJECT"],
    [
      "a delta that makes an object again",
      buildPack([blob("a"), delta("a", "", blobOid("a"))]),
      "PACK_DUPLICATE_OBJECT",
    ],
    [
      "two deltas on each other",
      buildPack([delta("aa", "b", blobOid("ab")), delta("ab", "c", blobOid("aab"))]),
      "PACK_MISSING_BASE",
    ],
    ["a delta on nothing", buildPack([blob("a"), delta("b", "c", blobOid("b"))]), "PACK_MISSING_BASE"],
    ["a base between two entries", buildPack([blob("a"), delta("a", "b", 3)]), "PACK_MISSING_BASE"],
    ["a base before the first entry", buildPack([delta("a", "b", 3)]), "PACK_CORRUPT"],
    [
      "a delta for a base of another size",
      buildPack([blob("abc"), delta("abcd", "e", blobOid("abc"))]),
      "PACK_BAD_DELTA",
    ],
    [
      "an empty delta",
      buildPack([blob("a"), [encodeEntryHeader(7, 0, blobOid("a")), deflateSync(new Uint8Array(0))]]),
      "PACK_BAD_DELTA",
    ],
    ["an entry of kind 5", buildPack([[Uint8Array.of(0x51), deflateSync(Buffer.from("a"))]]), "PACK_CORRUPT"],
    [
      "a size that is too small",
      buildPack([[encodeEntryHeader(3, 1), deflateSync(Buffer.from("abc"))]]),
      "PACK_CORRUPT",
    ],
    [
      "a size that is too large",
      buildPack([[encodeEntryHeader(3, 9), deflateSync(Buffer.from("abc"))]]),
      "PACK_CORRUPT",
    ],
  ])("refuses %s", async (_name, pack, code) => {
    expect(await codeOf(pack)).toBe(code);
    expect(await codeOf(pack, {}, 1)).toBe(code);
  });

  it.each<[string, Uint8Array, PackLimits]>([
    ["too many objects", buildPack([blob("a"), blob("b")]), { maxObjectCount: 1 }],
    ["too many bytes", buildPack([blob("a"), blob("b")]), { maxPackBytes: 50 }],
    ["too large an object", buildPack([blob("abcdef")]), { maxObjectBytes: 5 }],
    [
      "too large a base",
      buildPack([blob("abcdef"), delta("abcdef", "g", blobOid("abcdef"))]),
      { maxDeltaBytes: 5 },
    ],
    [
      "too large a result",
      buildPack([blob("abcdef"), delta("abcdef", "g", blobOid("abcdef"))]),
      { maxObjectBytes: 6 },
    ],
  ])("keeps to its limits: %s", async (_name, pack, limits) => {
    expect(await codeOf(pack, { limits })).toBe("PACK_LIMIT_EXCEEDED");
    expect(await codeOf(pack)).toBeUndefined();
  });

  it("does not believe a count of objects that do not come", async () => {
    const pack = Buffer.from("PACK\0\0\0\x02\x02\xfa\xf0\x80", "latin1");
    expect(await codeOf(pack)).toBe("PACK_TRUNCATED");
  });
});

import { createHash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adler32 } from "../../src/inflate/adler.ts";
import { SHA1_STATE_BYTES } from "../../src/kernel/kernel.ts";
import { SHAMBLES, SHATTERED } from "@millrace/git-lab/collisions";
import { createBench } from "./memory.ts";

const bench = createBench();
const { kernel } = bench;
const sha1 = (bytes: Uint8Array): Buffer => createHash("sha1").update(bytes).digest();
const COLLIDING = [...SHATTERED.messages, ...SHAMBLES.messages];

/** Hashes messages as jobs; answers the digests and the first job with an attack in it. */
function hashMany(messages: readonly Uint8Array[], detect: boolean): { digests: Buffer[]; attacked: number } {
  bench.clear();
  const places = messages.map((message) => bench.put(message));
  const jobs = (bench.room(messages.length * 8 + 4) + 3) & ~3;
  places.forEach((at, i) => kernel.words.set([at, messages[i]!.length], (jobs >> 2) + 2 * i));
  const digests = bench.room(messages.length * 20);
  const attacked = kernel.sha1Many(jobs, messages.length, digests, detect);
  return { attacked, digests: messages.map((_, i) => bench.get(digests + 20 * i, 20)) };
}

function hashRunning(pieces: readonly Uint8Array[], detect: boolean): { digest: Buffer; isClean: boolean } {
  bench.clear();
  const state = bench.room(SHA1_STATE_BYTES);
  kernel.sha1Start(state, detect);
  for (const piece of pieces) kernel.sha1Update(state, bench.put(piece), piece.length);
  const digest = bench.room(20);
  const isClean = kernel.sha1Finish(state, digest);
  return { isClean, digest: bench.get(digest, 20) };
}

const messages = fc.array(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 3000 })), {
  maxLength: 20,
});

describe("sha1Many", () => {
  it.each([true, false])("agrees with node:crypto at every length (detection: %s)", (detect) => {
    const noise = randomBytes(301);
    const lengths = Array.from({ length: 301 }, (_, i) => noise.subarray(0, i));
    const { digests, attacked } = hashMany(lengths, detect);
    expect(attacked).toBe(-1);
    expect(digests).toEqual(lengths.map(sha1));
  });

  it("agrees with node:crypto in any mix of lengths", () => {
    fc.assert(
      fc.property(messages, fc.boolean(), (mix, detect) => {
        const { digests, attacked } = hashMany(mix, detect);
        expect(attacked).toBe(-1);
        expect(digests).toEqual(mix.map(sha1));
      }),
      { numRuns: 300 },
    );
  });

  it.each([0, 1, 2, 3, 4, 5, 7, 8, 9, 63])("hashes one long message among %d short ones", (count) => {
    for (const place of [0, 1, 2, 3, count]) {
      const mix = Array.from({ length: count }, (_, i) => randomBytes((i * 37) % 150));
      mix.splice(place, 0, randomBytes(20_000));
      expect(hashMany(mix, true).digests).toEqual(mix.map(sha1));
      expect(hashMany(mix, false).digests).toEqual(mix.map(sha1));
    }
  });

  it("works on the published collisions, which are ones", () => {
    for (const { messages: pair, digest } of [SHATTERED, SHAMBLES]) {
      expect(pair[0].equals(pair[1])).toBe(false);
      for (const message of pair) expect(sha1(message).toString("hex")).toBe(digest);
    }
  });

  it("finds each of them in every place among others", () => {
    for (const message of COLLIDING) {
      for (let count = 0; count < 10; count++) {
        for (let place = 0; place <= count; place++) {
          const mix: Uint8Array[] = Array.from({ length: count }, (_, i) =>
            randomBytes((i * 211 + place) % 900),
          );
          mix.splice(place, 0, message);
          const { digests, attacked } = hashMany(mix, true);
          expect(attacked).toBe(place);
          expect(digests).toEqual(mix.map(sha1));
          expect(hashMany(mix, false).attacked).toBe(-1);
        }
      }
    }
  });

  it("finds them wherever the attacked block lies, and names the first", () => {
    for (const message of COLLIDING) {
      const longer = Buffer.concat([message, randomBytes(1000)]);
      expect(hashMany([randomBytes(10), longer, randomBytes(70), message], true).attacked).toBe(1);
      expect(hashMany([randomBytes(5000), longer, ...COLLIDING], true).attacked).toBe(1);
      expect(hashMany([longer, message, longer, message, longer], true).attacked).toBe(0);
    }
    const late = Buffer.concat([SHATTERED.messages[0], randomBytes(10)]);
    const mix = Array.from({ length: 40 }, (_, i) => (i >= 33 ? late : randomBytes(i * 50)));
    expect(hashMany(mix, true).attacked).toBe(33);
  });

  it("sees no attack in ordinary data", () => {
    const words = ["tree ", "100644 file.txt\0", "parent ", "\n", "author ", "int main(void)\n{\n"];
    for (let round = 0; round < 20; round++) {
      const mix = Array.from({ length: 400 }, (_, i) => {
        if (i % 4 === 0) return randomBytes((i * 7) % 1500);
        if (i % 4 === 1) return Buffer.alloc((i * 13) % 1500, i + round);
        if (i % 4 === 2) return Buffer.from(words[(i + round) % words.length]!.repeat(i % 90));
        return Buffer.from(Array.from({ length: (i * 3) % 900 }, (_, at) => (at * (i + round)) >> (i % 5)));
      });
      expect(hashMany(mix, true).attacked).toBe(-1);
    }
  });

  it("sees one half of a near-collision as ordinary data", () => {
    for (const message of COLLIDING) {
      expect(hashMany([message.subarray(0, message.length - 64)], true).attacked).toBe(-1);
    }
  });
});

describe("the running SHA-1", () => {
  it("agrees with node:crypto in any pieces", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
    fc.assert(
      fc.property(pieces, fc.boolean(), (parts, detect) => {
        const { digest, isClean } = hashRunning(parts, detect);
        expect(isClean).toBe(true);
        expect(digest).toEqual(sha1(Buffer.concat(parts)));
      }),
      { numRuns: 300 },
    );
  });

  it("finds the published collisions in any pieces", () => {
    for (const message of COLLIDING) {
      for (const size of [1, 7, 63, 64, 65, 1000]) {
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < message.length; at += size) pieces.push(message.subarray(at, at + size));
        pieces.push(Buffer.from("and what follows"));
        expect(hashRunning(pieces, true)).toEqual({ isClean: false, digest: sha1(Buffer.concat(pieces)) });
        expect(hashRunning(pieces, false).isClean).toBe(true);
      }
    }
  });

  it("starts afresh after an attack was found", () => {
    expect(hashRunning([SHAMBLES.messages[0]], true).isClean).toBe(false);
    expect(hashRunning([Buffer.from("clean")], true).isClean).toBe(true);
  });
});

describe("sha256", () => {
  it("agrees with node:crypto at every length", () => {
    const noise = randomBytes(301);
    for (let length = 0; length <= 300; length++) {
      bench.clear();
      const at = bench.put(noise.subarray(0, length));
      const digest = bench.room(32);
      kernel.sha256(at, length, digest);
      const wanted = createHash("sha256").update(noise.subarray(0, length)).digest();
      expect(bench.get(digest, 32)).toEqual(wanted);
    }
  });
});

describe("checksums", () => {
  it("agrees with zlib about CRC-32 and with the other implementation about Adler-32, in pieces too", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(400), (bytes, cut) => {
        bench.clear();
        const at = bench.put(bytes);
        const first = Math.min(cut, bytes.length);
        const rest = bytes.length - first;
        const whole = crc32(bytes);
        expect(kernel.crc32(at, bytes.length, 0)).toBe(whole);
        expect(kernel.crc32(at + first, rest, kernel.crc32(at, first, 0))).toBe(whole);
        const adler = adler32(1, bytes, 0, bytes.length);
        expect(kernel.adler32(at, bytes.length, 1)).toBe(adler);
        expect(kernel.adler32(at + first, rest, kernel.adler32(at, first, 1))).toBe(adler);
      }),
      { numRuns: 500 },
    );
  });

  it("does not overflow over long runs of large bytes", () => {
    for (const length of [5535, 5536, 5537, 100_000, 1_000_003]) {
      bench.clear();
      const bytes = new Uint8Array(length).fill(255);
      const at = bench.put(bytes);
      expect(kernel.adler32(at, length, 1)).toBe(adler32(1, bytes, 0, length));
      expect(kernel.adler32(at, length, 0xfff0fff0)).toBe(adler32(0xfff0fff0, bytes, 0, length));
      expect(kernel.crc32(at, length, 0)).toBe(crc32(bytes));
    }
  });
});

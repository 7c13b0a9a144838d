import { execFileSync } from "node:child_process";
import { crc32, deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  createHasher,
  createObjectHasher,
  encodePackHeader,
  hashObject,
  indexPack,
  type PackSink,
} from "../../src/index.ts";
import { appendingDelta, encodeEntryHeader } from "./pack-fixtures.ts";

const MIB = 1024 * 1024;
const BLOB_BYTES = 540 * MIB;
const BLOBS = 8;
const STORED_BYTES = 65_535;
const NEAR_BYTES = 64 * 1024;

/** What the index must say of one entry. */
interface Expected {
  readonly offset: number;
  readonly oid: string;
  readonly crc: number;
}

/** A pack of more than 4 GiB: blobs of zeros, each with a number in front, and small objects at both ends. */
class HugePack {
  readonly expected: Expected[] = [];
  readonly #hasher = createHasher("sha1");
  #offset = 0;
  #crc = 0;

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const first = Buffer.from("the first object\n");
    yield this.#emit(encodePackHeader(BLOBS + 3));
    const firstAt = this.#offset;
    yield this.#whole(encodeEntryHeader(3, first.length), first);
    for (let i = 0; i < BLOBS; i++) yield* this.#largeBlob(i);
    // A delta whose base lies more than 4 GiB before it, and one on that.
    const second = Buffer.concat([first, Buffer.from("and more\n")]);
    const delta = appendingDelta(first.length, Buffer.from("and more\n"));
    const at = this.#offset;
    yield this.#entry(encodeEntryHeader(6, delta.length, at - firstAt), deflateSync(delta), second);
    const third = Buffer.concat([second, Buffer.from("and yet more\n")]);
    const next = appendingDelta(second.length, Buffer.from("and yet more\n"));
    yield this.#entry(encodeEntryHeader(6, next.length, this.#offset - at), deflateSync(next), third);
    yield this.#hasher.digest();
  }

  #emit(bytes: Uint8Array): Uint8Array {
    this.#hasher.update(bytes);
    this.#offset += bytes.length;
    this.#crc = crc32(bytes, this.#crc);
    return bytes;
  }

  #whole(header: Uint8Array, content: Uint8Array): Uint8Array {
    return this.#entry(header, deflateSync(content), content);
  }

  #entry(header: Uint8Array, packed: Uint8Array, content: Uint8Array): Uint8Array {
    const offset = this.#offset;
    this.#crc = 0;
    const bytes = this.#emit(new Uint8Array(Buffer.concat([header, packed])));
    const oid = Buffer.from(hashObject("sha1", "blob", content)).toString("hex");
    this.expected.push({ offset, oid, crc: this.#crc });
    return bytes;
  }

  /** In stored blocks of zeros; Adler-32 of zeros behind one byte is told by their number. */
  async *#largeBlob(number: number): AsyncGenerator<Uint8Array> {
    const offset = this.#offset;
    const hasher = createObjectHasher("sha1", "blob", BLOB_BYTES);
    this.#crc = 0;
    yield this.#emit(Buffer.concat([encodeEntryHeader(3, BLOB_BYTES), Buffer.from([0x78, 0x01])]));
    for (let left = BLOB_BYTES; left > 0; ) {
      const length = Math.min(STORED_BYTES, left);
      const block = new Uint8Array(5 + length);
      block.set([left > length ? 0 : 1, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255]);
      if (left === BLOB_BYTES) block[5] = number + 1;
      hasher.update(block.subarray(5));
      left -= length;
      yield this.#emit(block);
    }
    const a = (1 + number + 1) % 65_521;
    const b = Number((BigInt(BLOB_BYTES) * BigInt(a)) % 65_521n);
    yield this.#emit(Uint8Array.of(b >> 8, b & 255, a >> 8, a & 255));
    this.expected.push({ offset, oid: Buffer.from(hasher.digest()).toString("hex"), crc: this.#crc });
  }
}

/** Keeps the two ends of what is written: nothing else is read back. */
function endsSink(): PackSink {
  const front = new Uint8Array(NEAR_BYTES);
  let back = new Uint8Array(0);
  let sizeBytes = 0;
  return {
    async write(bytes) {
      if (sizeBytes < NEAR_BYTES) front.set(bytes.subarray(0, NEAR_BYTES - sizeBytes), sizeBytes);
      sizeBytes += bytes.length;
      const joined = Buffer.concat([back, bytes.subarray(-NEAR_BYTES)]);
      back = new Uint8Array(joined.subarray(-NEAR_BYTES));
    },
    open: async () => ({
      sizeBytes,
      async read(offset, length) {
        const end = Math.min(offset + length, sizeBytes);
        if (end <= NEAR_BYTES) return front.slice(offset, end);
        // A block of zeros between the ends may be asked for with an end.
        const bytes = new Uint8Array(end - offset);
        for (let at = offset; at < end; at++) {
          const fromBack = at - (sizeBytes - back.length);
          bytes[at - offset] = at < NEAR_BYTES ? front[at]! : fromBack >= 0 ? back[fromBack]! : 0;
        }
        return bytes;
      },
    }),
  };
}

describe("indexPack of more than 4 GiB", () => {
  it("notes offsets of 64 bits as git reads them, and finds bases across that distance", async () => {
    const pack = new HugePack();
    let highest = 0;
    const before = process.memoryUsage().rss;
    const watch = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage().rss - before);
    }, 20);
    // Zeros are no attack, and looking for one takes its time.
    const indexed = await indexPack(pack, { format: "sha1", sink: endsSink(), detectCollisions: false });
    clearInterval(watch);
    expect(indexed.packBytes).toBeGreaterThan(2 ** 32);
    expect(highest).toBeLessThan(100 * MIB);
    const shown = execFileSync("git", ["show-index"], { input: indexed.idx }).toString().trim().split("\n");
    const expected = pack.expected
      .toSorted((a, b) => (a.oid < b.oid ? -1 : 1))
      .map(({ offset, oid, crc }) => `${offset} ${oid} (${crc.toString(16).padStart(8, "0")})`);
    expect(shown).toEqual(expected);
    expect(pack.expected.at(-1)!.offset).toBeGreaterThan(2 ** 32);
    for (const { oid, offset } of pack.expected) {
      expect(indexed.index.offsetAt(indexed.index.findOid(oid))).toBe(offset);
    }
  });
});

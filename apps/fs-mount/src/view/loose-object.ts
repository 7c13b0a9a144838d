import type { OpenBlob } from "../hydrator/blobs.ts";
import { readBlob } from "./read-blob.ts";
import { Refusal } from "./refusal.ts";
import type { Answer, OpenFile, Waiting } from "./view.ts";
import { whenHere } from "./wait.ts";

/** Of zlib (RFC 1950): deflate with a window of 32 KiB. */
const STREAM_START = Uint8Array.of(0x78, 0x01);
/** What a block can hold that is stored as it is (RFC 1951, 3.2.4), and what stands before that. */
const BLOCK_BYTES = 65_535;
const BLOCK_START_BYTES = 5;
const CHECKSUM_BYTES = 4;
/** As much is summed up in one turn. */
const TURN_BYTES = 1024 * 1024;

/** A blob as the file of a loose object (gitformat-loose): a zlib stream that compresses nothing, so each of its bytes can be told at once. */
export interface LooseObject extends OpenFile {
  readonly sizeBytes: number;
}

/** @param blob is the object's from now on, which releases it. Reads throw as `readBlob`. */
export function openLooseObject(blob: OpenBlob): LooseObject {
  const header = Buffer.from(`blob ${blob.sizeBytes}\0`, "latin1");
  const payloadBytes = header.length + blob.sizeBytes;
  const blockCount = Math.ceil(payloadBytes / BLOCK_BYTES);
  const endOfBlocks = STREAM_START.length + blockCount * BLOCK_START_BYTES + payloadBytes;
  const sizeBytes = endOfBlocks + CHECKSUM_BYTES;
  let checksum: Promise<Uint8Array> | undefined;
  let isClosed = false;

  /** Of the payload, within a block. */
  const payload = (offset: number, length: number, waiting: Waiting | undefined): Answer<Uint8Array> => {
    const ofHeader = header.subarray(offset, offset + length);
    if (ofHeader.length === length) return ofHeader;
    const rest = readBlob(blob, offset + ofHeader.length - header.length, length - ofHeader.length, waiting);
    return ofHeader.length === 0 ? rest : whenHere(rest, (bytes) => Buffer.concat([ofHeader, bytes]));
  };

  /** Whoever waits for it may leave; the next one finds it. */
  const sum = async (): Promise<Uint8Array> => {
    const adler = new Adler32();
    adler.add(header);
    for (let at = 0; at < blob.sizeBytes; at += TURN_BYTES) {
      if (at > 0) await new Promise((resolve) => setImmediate(resolve));
      if (isClosed) throw new Refusal("ESTALE");
      adler.add(await readBlob(blob, at, TURN_BYTES));
    }
    return adler.digest();
  };

  /** The stream from a place on, up to where something else begins. */
  const piece = (at: number, length: number, waiting: Waiting | undefined): Answer<Uint8Array> => {
    if (at < STREAM_START.length) return STREAM_START.subarray(at, at + length);
    if (at >= endOfBlocks) {
      if (checksum === undefined) {
        checksum = sum();
        checksum.catch(() => (checksum = undefined));
      }
      return checksum.then((bytes) => bytes.subarray(at - endOfBlocks, at - endOfBlocks + length));
    }
    const within = at - STREAM_START.length;
    const block = Math.floor(within / (BLOCK_START_BYTES + BLOCK_BYTES));
    const inBlock = within % (BLOCK_START_BYTES + BLOCK_BYTES);
    const before = block * BLOCK_BYTES;
    const blockBytes = Math.min(BLOCK_BYTES, payloadBytes - before);
    if (inBlock < BLOCK_START_BYTES) {
      return blockStart(blockBytes, block === blockCount - 1).subarray(inBlock, inBlock + length);
    }
    const offset = inBlock - BLOCK_START_BYTES;
    return payload(before + offset, Math.min(length, blockBytes - offset), waiting);
  };

  return {
    sizeBytes,
    async read(offset, wantedBytes, waiting) {
      const end = Math.min(offset + wantedBytes, sizeBytes);
      const pieces: Uint8Array[] = [];
      for (let at = offset; at < end; at += pieces.at(-1)!.length) {
        pieces.push(await piece(at, end - at, waiting));
      }
      return Buffer.concat(pieces);
    },
    close() {
      isClosed = true;
      blob.release();
    },
  };
}

function blockStart(length: number, isLast: boolean): Buffer {
  const start = Buffer.alloc(BLOCK_START_BYTES);
  start.writeUInt8(isLast ? 1 : 0, 0);
  start.writeUInt16LE(length, 1);
  start.writeUInt16LE(BLOCK_BYTES - length, 3);
  return start;
}

/** What ends a zlib stream (RFC 1950). */
class Adler32 {
  #low = 1;
  #high = 0;

  add(bytes: Uint8Array): void {
    let [low, high] = [this.#low, this.#high];
    for (let at = 0; at < bytes.length; ) {
      // As many as cannot pass 2^32 between two divisions.
      const end = Math.min(at + 3800, bytes.length);
      for (; at < end; at++) {
        low += bytes[at]!;
        high += low;
      }
      low %= 65_521;
      high %= 65_521;
    }
    this.#low = low;
    this.#high = high;
  }

  digest(): Uint8Array {
    const bytes = Buffer.alloc(CHECKSUM_BYTES);
    bytes.writeUInt16BE(this.#high, 0);
    bytes.writeUInt16BE(this.#low, 2);
    return bytes;
  }
}

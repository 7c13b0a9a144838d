import { writeLength } from "@millrace/pktline";
import { encodeRefLines, type PeeledForm } from "./ref-line-encoder.ts";
import { CHUNK_BYTES, type ChunkPool } from "./stream/chunk-pool.ts";

const FIRST_BYTES = 1024;
/** Chunks are of this size where there is no pool to take larger ones from. */
const OWN_CHUNK_BYTES = 64 * 1024;
/** A chunk with less room than this is full: most lines are shorter. */
const FULL_BELOW_BYTES = 4 * 1024;
const LENGTH_DIGITS = 4;

/**
 * Gathers pkt-lines into large chunks, so that a long list costs a hop per chunk and not per line.
 * Implements gitprotocol-common, "pkt-line Format".
 */
export interface LineBatch {
  /** Adds one line, its line feed included. */
  add(text: string): void;
  /** Adds a packet that is encoded already, such as a flush. */
  addPacket(digits: "0000" | "0001"): void;
  /**
   * Adds a line for each ref of `lines`, from `from` on, as far as there is room. Answers where it stopped: at their end,
   * or where to go on once the batch was taken. Throws `RangeError` for a ref that no packet can hold.
   */
  addRefs(lines: Uint8Array, from: number, form: PeeledForm): number;
  readonly full: boolean;
  /** The bytes gathered so far, the receiver's to keep or to give back to the pool; the batch is empty afterwards. */
  take(): Uint8Array;
}

export interface LineBatchOptions {
  /** Put every line on band 1 (gitprotocol-v2, "sideband-all"). */
  readonly banded?: boolean | undefined;
  /** Where buffers come from once there are more lines than fit into a small one. */
  readonly chunks?: ChunkPool | undefined;
}

export function createLineBatch(options: LineBatchOptions = {}): LineBatch {
  return new Batch(options);
}

class Batch implements LineBatch {
  readonly #band: string;
  readonly #chunks: ChunkPool | undefined;
  readonly #chunkBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #used = 0;
  /** Something found no room. */
  #isFull = false;

  constructor({ banded = false, chunks }: LineBatchOptions) {
    this.#band = banded ? "\u0001" : "";
    this.#chunks = chunks;
    this.#chunkBytes = chunks === undefined ? OWN_CHUNK_BYTES : CHUNK_BYTES;
  }

  get full(): boolean {
    return this.#isFull || this.#used > this.#chunkBytes - FULL_BELOW_BYTES;
  }

  add(text: string): void {
    const line = this.#band + text;
    // No character of a string takes more than three bytes.
    this.#reserve(LENGTH_DIGITS + line.length * 3);
    const length = LENGTH_DIGITS + this.#bytes.write(line, this.#used + LENGTH_DIGITS);
    writeLength(length, this.#bytes, this.#used);
    this.#used += length;
  }

  addPacket(digits: "0000" | "0001"): void {
    this.#reserve(LENGTH_DIGITS);
    this.#used += this.#bytes.write(digits, this.#used, "latin1");
  }

  addRefs(lines: Uint8Array, from: number, form: PeeledForm): number {
    this.#reserve(Math.min(2 * (lines.length - from), this.#chunkBytes - this.#used));
    const source = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
    const place = { from, at: this.#used };
    encodeRefLines(source, this.#bytes, place, form);
    this.#used = place.at;
    this.#isFull = place.from < lines.length;
    return place.from;
  }

  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#used);
    this.#bytes = Buffer.alloc(0);
    this.#used = 0;
    this.#isFull = false;
    return taken;
  }

  /** Makes room for so many bytes more. */
  #reserve(bytes: number): void {
    const needed = this.#used + bytes;
    if (needed <= this.#bytes.length) return;
    const size = Math.max(needed, 2 * this.#bytes.length, FIRST_BYTES);
    const isChunk = size > OWN_CHUNK_BYTES && size <= CHUNK_BYTES;
    const { buffer } = isChunk && this.#chunks !== undefined ? this.#chunks.take() : new Uint8Array(size);
    const grown = Buffer.from(buffer);
    this.#bytes.copy(grown, 0, 0, this.#used);
    this.#bytes = grown;
  }
}

import { PackError } from "../errors.ts";
import { adler32 } from "./adler.ts";

const WINDOW_BYTES = 32 * 1024;
const PIECE_BYTES = 224 * 1024;
const MIN_WHOLE_BYTES = 4096;
const NO_BYTES: Uint8Array = new Uint8Array(0);

/**
 * Where inflated bytes go: a buffer for all of them, or one that slides over them and hands them out in pieces, always
 * keeping the 32 KiB that matches may reach back to. The fast loop works on its fields.
 */
export class OutputWindow {
  readonly #onOutput: (bytes: Uint8Array) => void;
  #wholeBuffer: Uint8Array = NO_BYTES;
  #pieceBuffer: Uint8Array = NO_BYTES;

  bytes: Uint8Array = NO_BYTES;
  pos = 0;
  /** Where output must stop: the end of the buffer or of the declared size. */
  limit = 0;
  /** Declared bytes that do not fit below `limit`. */
  #restBytes = 0;
  #flushed = 0;
  #adler = 1;

  constructor(onOutput: (bytes: Uint8Array) => void) {
    this.#onOutput = onOutput;
  }

  /** Prepares for `sizeBytes` that are handed out at once. */
  startWhole(sizeBytes: number): void {
    if (this.#wholeBuffer.length < sizeBytes) {
      this.#wholeBuffer = new Uint8Array(2 ** Math.ceil(Math.log2(Math.max(sizeBytes, MIN_WHOLE_BYTES))));
    }
    this.#start(this.#wholeBuffer, sizeBytes);
  }

  /** Prepares for `sizeBytes` that are handed out in pieces. */
  startPieces(sizeBytes: number): void {
    if (this.#pieceBuffer.length === 0) this.#pieceBuffer = new Uint8Array(WINDOW_BYTES + PIECE_BYTES);
    this.#start(this.#pieceBuffer, sizeBytes);
  }

  /** Prepares for filling `target`. */
  startInto(target: Uint8Array): void {
    this.#start(target, target.length);
  }

  #start(bytes: Uint8Array, sizeBytes: number): void {
    this.bytes = bytes;
    this.pos = 0;
    this.limit = Math.min(bytes.length, sizeBytes);
    this.#restBytes = sizeBytes - this.limit;
    this.#flushed = 0;
    this.#adler = 1;
  }

  /** Whether all declared bytes are there. */
  get isFull(): boolean {
    return this.pos === this.limit && this.#restBytes === 0;
  }

  /** Makes sure that one byte fits; throws PACK_CORRUPT where all declared bytes are there. */
  makeRoom(): void {
    if (this.pos < this.limit) return;
    if (this.#restBytes === 0) throw new PackError("PACK_CORRUPT", "content is longer than declared");
    this.#adler = adler32(this.#adler, this.bytes, this.#flushed, this.pos);
    this.#onOutput(this.bytes.subarray(this.#flushed, this.pos));
    this.bytes.copyWithin(0, this.pos - WINDOW_BYTES, this.pos);
    this.pos = WINDOW_BYTES;
    this.#flushed = WINDOW_BYTES;
    this.limit = Math.min(this.bytes.length, WINDOW_BYTES + this.#restBytes);
    this.#restBytes -= this.limit - WINDOW_BYTES;
  }

  /** Compares the checksum and hands out what is left; throws PACK_CORRUPT. */
  finish(checksum: number): void {
    if (adler32(this.#adler, this.bytes, this.#flushed, this.pos) !== checksum) {
      throw new PackError("PACK_CORRUPT", "Adler-32 checksum does not match");
    }
    this.#onOutput(this.bytes.subarray(this.#flushed, this.pos));
  }
}

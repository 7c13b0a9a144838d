import { PackError } from "../errors.ts";
import { BitSource } from "./bit-source.ts";
import { type BlockTables, FIXED_TABLES } from "./block-tables.ts";
import { DynamicCodes } from "./dynamic-codes.ts";
import {
  CLASS_END,
  CLASS_INVALID,
  CLASS_LENGTH,
  CLASS_MASK,
  CLASS_PLAIN,
  decodeLongCode,
  type HuffmanEntry,
  type HuffmanTable,
} from "./huffman.ts";
import { OutputWindow } from "./output-window.ts";
import { type InflatedOnce, inflateOnce } from "./zlib-once.ts";

/** Inflated over packed size up to which a stream is taken to lie in the chunk at hand. */
const LIKELY_RATIO = 4;
/** The most input that one turn of the fast loop takes: four refills of two bytes. */
const FAST_INPUT_BYTES = 8;
const DEFAULT_WHOLE_BYTES = 1024 * 1024;
const NO_BYTES: Uint8Array = new Uint8Array(0);

const STREAM_HEADER = 0;
const BLOCK_HEADER = 1;
const STORED_LENGTH = 2;
const STORED_CHECK = 3;
const STORED_BYTES = 4;
const DYNAMIC_CODES = 5;
const SYMBOL = 6;
const LENGTH_EXTRA = 7;
const DISTANCE = 8;
const DISTANCE_EXTRA = 9;
const MATCH = 10;
const CHECKSUM = 11;
const DONE = 12;

/** Inflates zlib streams, one after another. */
export interface Inflater {
  /** Tells beforehand what the following calls of `push` read from. */
  open?(input: Uint8Array): void;
  /** Continues the CRC-32 `seed` over a part of what was opened; `undefined` where zlib is better asked. */
  crc32?(start: number, end: number, seed: number): number | undefined;
  /** Starts a stream that must inflate to exactly `expectedBytes`. */
  reset(expectedBytes: number): void;
  /**
   * Inflates from `input[start..end]` and returns how many bytes it took: all, unless the stream ended inside.
   * Throws PACK_CORRUPT; the stream is then lost, `reset` starts another.
   */
  push(input: Uint8Array, start: number, end: number): number;
  /** Whether the stream has ended, its length and checksum verified. */
  readonly done: boolean;
}

/** Where an inflater's output goes, and up to which size in one piece. */
export interface InflaterOptions {
  /** Takes inflated bytes; the view is valid during the call. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /**
   * Streams up to this size come in exactly one call, after their checksum was verified; larger ones in pieces of
   * up to 256 KiB. Default 1 MiB.
   */
  readonly wholeBytes?: number | undefined;
  /** Whether streams that lie in one chunk may be given to zlib, which is faster. Default true. */
  readonly useZlib?: boolean | undefined;
}

/**
 * Makes a synchronous, resumable inflater (RFC 1950, RFC 1951): any chunking of the input, not one byte taken past a
 * stream's end, output and memory bounded by the declared size and `wholeBytes`.
 */
export function createInflater(options: InflaterOptions): Inflater {
  return new StreamInflater(
    options.wholeBytes ?? DEFAULT_WHOLE_BYTES,
    options.onOutput,
    options.useZlib ?? true,
  );
}

/** The state machine behind `createInflater`; it suspends at any byte and accepts the streams that zlib accepts. */
export class StreamInflater implements Inflater {
  readonly #onOutput: (bytes: Uint8Array) => void;
  readonly #wholeBytes: number;
  readonly #useZlib: boolean;
  readonly #once: InflatedOnce = { content: NO_BYTES, consumed: 0 };
  readonly #source: BitSource = new BitSource();
  readonly #output: OutputWindow;
  readonly #dynamic: DynamicCodes = new DynamicCodes();

  #state = DONE;
  /** Nothing taken yet of a stream that zlib may do in one call. */
  #untouched = false;
  #isLastBlock = false;
  #length = 0;
  #distance = 0;
  #extraBits = 0;

  #tables: BlockTables = FIXED_TABLES;
  #checksumBytes = 0;
  #checksum = 0;

  constructor(wholeBytes: number, onOutput: (bytes: Uint8Array) => void, useZlib: boolean) {
    this.#useZlib = useZlib;
    this.#wholeBytes = wholeBytes;
    this.#onOutput = onOutput;
    this.#output = new OutputWindow(onOutput);
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  /** Starts a stream of `expectedBytes`, whose output goes to `onOutput`. */
  reset(expectedBytes: number): void {
    const isWhole = expectedBytes <= this.#wholeBytes;
    if (isWhole) this.#output.startWhole(expectedBytes);
    else this.#output.startPieces(expectedBytes);
    this.#begin(isWhole && this.#useZlib);
  }

  /** Starts a stream whose output fills `target` exactly; `onOutput` gets it when it is whole and checked. */
  resetInto(target: Uint8Array): void {
    this.#output.startInto(target);
    this.#begin(false);
  }

  #begin(mayUseZlib: boolean): void {
    this.#source.reset();
    this.#untouched = mayUseZlib;
    this.#state = STREAM_HEADER;
  }

  push(input: Uint8Array, start: number, end: number): number {
    if (this.#untouched && end > start) {
      this.#untouched = false;
      // Worth a try where the stream probably ends inside; where it does not, our own loop starts over.
      const likely = (end - start) * LIKELY_RATIO >= this.#output.limit;
      if (likely && inflateOnce(input, start, end, this.#output.limit, this.#once)) {
        this.#state = DONE;
        this.#onOutput(this.#once.content);
        return this.#once.consumed;
      }
    }
    const source = this.#source;
    source.open(input, start, end);
    while (this.#step());
    source.close();
    return source.pos - start;
  }

  /** Goes on to the next state; false where input is missing or the stream is done. */
  #step(): boolean {
    switch (this.#state) {
      case STREAM_HEADER:
        return this.#streamHeader();
      case BLOCK_HEADER:
        return this.#blockHeader();
      case STORED_LENGTH:
        if (!this.#source.need(16)) return false;
        this.#length = this.#source.take(16);
        this.#state = STORED_CHECK;
        return true;
      case STORED_CHECK:
        if (!this.#source.need(16)) return false;
        if (this.#source.take(16) !== (~this.#length & 0xffff))
          throw corrupt("stored block lengths disagree");
        this.#state = STORED_BYTES;
        return true;
      case STORED_BYTES:
        return this.#storedBytes();
      case DYNAMIC_CODES:
        if (!this.#dynamic.read(this.#source)) return false;
        this.#state = SYMBOL;
        return true;
      case SYMBOL:
        if (
          this.#source.end - this.#source.pos >= FAST_INPUT_BYTES &&
          this.#output.pos < this.#output.limit
        ) {
          this.#decodeFast();
          return true;
        }
        return this.#symbol();
      case LENGTH_EXTRA:
        if (!this.#source.need(this.#extraBits)) return false;
        this.#length += this.#source.take(this.#extraBits);
        this.#state = DISTANCE;
        return true;
      case DISTANCE:
        return this.#distanceSymbol();
      case DISTANCE_EXTRA:
        if (!this.#source.need(this.#extraBits)) return false;
        this.#distance += this.#source.take(this.#extraBits);
        this.#state = MATCH;
        return true;
      case MATCH:
        this.#match();
        return true;
      case CHECKSUM:
        return this.#readChecksum();
      default:
        return false;
    }
  }

  #streamHeader(): boolean {
    if (!this.#source.need(16)) return false;
    const method = this.#source.take(8);
    const flags = this.#source.take(8);
    if ((method * 256 + flags) % 31 !== 0 || (method & 15) !== 8 || method >> 4 > 7) {
      throw corrupt("not a zlib stream");
    }
    if (flags & 0x20) throw corrupt("zlib stream asks for a dictionary");
    this.#state = BLOCK_HEADER;
    return true;
  }

  #blockHeader(): boolean {
    if (!this.#source.need(3)) return false;
    this.#isLastBlock = this.#source.take(1) === 1;
    const type = this.#source.take(2);
    if (type === 0) {
      this.#source.align();
      this.#state = STORED_LENGTH;
    } else if (type === 1) {
      this.#tables = FIXED_TABLES;
      this.#state = SYMBOL;
    } else if (type === 2) {
      this.#tables = this.#dynamic.tables;
      this.#dynamic.start();
      this.#state = DYNAMIC_CODES;
    } else {
      throw corrupt("unknown deflate block type");
    }
    return true;
  }

  #endBlock(): void {
    if (!this.#isLastBlock) {
      this.#state = BLOCK_HEADER;
      return;
    }
    if (!this.#output.isFull) throw corrupt("content is shorter than declared");
    // What is left of the last byte is padding. At most three whole bytes stay held, and the checksum takes four.
    this.#source.align();
    this.#checksumBytes = 0;
    this.#checksum = 0;
    this.#state = CHECKSUM;
  }

  /** The two lengths took all bits, so the block's bytes come from the input directly. */
  #storedBytes(): boolean {
    const source = this.#source;
    const output = this.#output;
    while (this.#length > 0) {
      if (source.pos === source.end) return false;
      output.makeRoom();
      const count = Math.min(this.#length, source.end - source.pos, output.limit - output.pos);
      output.bytes.set(source.input.subarray(source.pos, source.pos + count), output.pos);
      source.pos += count;
      output.pos += count;
      this.#length -= count;
    }
    this.#endBlock();
    return true;
  }

  /** Decodes while eight input bytes are at hand and the output has room; leaves a state that `#step` goes on from. */
  #decodeFast(): void {
    const source = this.#source;
    const input = source.input;
    const lastPos = source.end - FAST_INPUT_BYTES;
    const output = this.#output;
    const out = output.bytes;
    const outLimit = output.limit;
    const literals = this.#tables.literals;
    const distances = this.#tables.distances;
    const literalRoot = literals.root;
    const literalMask = literals.mask;
    const distanceRoot = distances.root;
    const distanceMask = distances.mask;
    let pos = source.pos;
    let hold = source.hold;
    let bits = source.bits;
    let outPos = output.pos;
    let state = SYMBOL;
    while (pos <= lastPos && outPos < outLimit) {
      // Invariant: at most 15 bits before a refill, at most 31 after.
      if (bits < 16) {
        hold |= (input[pos]! | (input[pos + 1]! << 8)) << bits;
        pos += 2;
        bits += 16;
      }
      let entry = literalRoot[hold & literalMask]!;
      if (entry === 0) entry = decodeLongCode(literals, hold, bits);
      hold >>>= entry & 15;
      bits -= entry & 15;
      const kind = entry & CLASS_MASK;
      if (kind === CLASS_PLAIN) {
        out[outPos++] = entry >> 10;
        continue;
      }
      if (kind !== CLASS_LENGTH) {
        if (kind === CLASS_INVALID) throw corrupt("invalid length code");
        state = CHECKSUM;
        break;
      }
      let length = entry >> 10;
      let extra = (entry >> 4) & 15;
      if (bits < 16) {
        hold |= (input[pos]! | (input[pos + 1]! << 8)) << bits;
        pos += 2;
        bits += 16;
      }
      if (extra !== 0) {
        length += hold & ((1 << extra) - 1);
        hold >>>= extra;
        bits -= extra;
        if (bits < 16) {
          hold |= (input[pos]! | (input[pos + 1]! << 8)) << bits;
          pos += 2;
          bits += 16;
        }
      }
      entry = distanceRoot[hold & distanceMask]!;
      if (entry === 0) entry = decodeLongCode(distances, hold, bits);
      if ((entry & CLASS_MASK) !== CLASS_PLAIN) throw corrupt("invalid distance code");
      hold >>>= entry & 15;
      bits -= entry & 15;
      let distance = entry >> 10;
      extra = (entry >> 4) & 15;
      if (extra !== 0) {
        if (bits < extra) {
          hold |= (input[pos]! | (input[pos + 1]! << 8)) << bits;
          pos += 2;
          bits += 16;
        }
        distance += hold & ((1 << extra) - 1);
        hold >>>= extra;
        bits -= extra;
      }
      if (distance > outPos) throw corrupt("match reaches before the start");
      if (length > outLimit - outPos) {
        this.#length = length;
        this.#distance = distance;
        state = MATCH;
        break;
      }
      const stop = outPos + length;
      let from = outPos - distance;
      while (outPos < stop) out[outPos++] = out[from++]!;
    }
    source.pos = pos;
    source.hold = hold;
    source.bits = bits;
    output.pos = outPos;
    this.#state = state;
    if (state === CHECKSUM) this.#endBlock();
  }

  #symbol(): boolean {
    const entry = this.#decode(this.#tables.literals);
    if (entry === 0) return false;
    const kind = entry & CLASS_MASK;
    if (kind === CLASS_PLAIN) {
      this.#output.makeRoom();
      this.#output.bytes[this.#output.pos++] = entry >> 10;
    } else if (kind === CLASS_LENGTH) {
      this.#length = entry >> 10;
      this.#extraBits = (entry >> 4) & 15;
      this.#state = LENGTH_EXTRA;
    } else if (kind === CLASS_END) {
      this.#endBlock();
    } else {
      throw corrupt("invalid length code");
    }
    return true;
  }

  #distanceSymbol(): boolean {
    const entry = this.#decode(this.#tables.distances);
    if (entry === 0) return false;
    if ((entry & CLASS_MASK) !== CLASS_PLAIN) throw corrupt("invalid distance code");
    this.#distance = entry >> 10;
    this.#extraBits = (entry >> 4) & 15;
    this.#state = DISTANCE_EXTRA;
    return true;
  }

  /** Copies what is left of a match; sliding the window keeps its distance valid. */
  #match(): void {
    const output = this.#output;
    if (this.#distance > output.pos) throw corrupt("match reaches before the start");
    while (this.#length > 0) {
      output.makeRoom();
      const { bytes } = output;
      const stop = Math.min(output.pos + this.#length, output.limit);
      this.#length -= stop - output.pos;
      let from = output.pos - this.#distance;
      while (output.pos < stop) bytes[output.pos++] = bytes[from++]!;
    }
    this.#state = SYMBOL;
  }

  #readChecksum(): boolean {
    while (this.#checksumBytes < 4) {
      if (!this.#source.need(8)) return false;
      this.#checksum = (this.#checksum << 8) | this.#source.take(8);
      this.#checksumBytes++;
    }
    this.#output.finish(this.#checksum >>> 0);
    this.#state = DONE;
    return false;
  }

  /** The next symbol's entry; 0 where input is missing. */
  #decode(table: HuffmanTable): HuffmanEntry {
    const source = this.#source;
    for (;;) {
      let entry = table.root[source.hold & table.mask]!;
      if (entry === 0) entry = decodeLongCode(table, source.hold, source.bits);
      else if ((entry & 15) > source.bits) entry = 0;
      if (entry !== 0) {
        source.take(entry & 15);
        return entry;
      }
      if (!source.need(source.bits + 1)) return 0;
    }
  }
}

function corrupt(message: string): PackError {
  return new PackError("PACK_CORRUPT", message);
}

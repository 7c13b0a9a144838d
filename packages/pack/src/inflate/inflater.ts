import { PackError } from "../errors.ts";
import { adler32 } from "./adler.ts";
import {
  type BlockTables,
  createBlockTables,
  createLengthCodeTable,
  FIXED_TABLES,
  LENGTH_CODE_ORDER,
} from "./block-tables.ts";
import {
  buildHuffmanTable,
  CLASS_END,
  CLASS_INVALID,
  CLASS_LENGTH,
  CLASS_MASK,
  CLASS_PLAIN,
  decodeLongCode,
  type HuffmanEntry,
  type HuffmanTable,
} from "./huffman.ts";
import { type InflatedOnce, inflateOnce } from "./zlib-once.ts";

/** Inflated over packed size up to which a stream is taken to lie in the chunk at hand. */
const LIKELY_RATIO = 4;
const WINDOW_BYTES = 32 * 1024;
const PIECE_BYTES = 224 * 1024;
/** The most input that one turn of the fast loop takes: four refills of two bytes. */
const FAST_INPUT_BYTES = 8;
const DEFAULT_WHOLE_BYTES = 1024 * 1024;
const NO_BYTES: Uint8Array = new Uint8Array(0);

const STREAM_HEADER = 0;
const BLOCK_HEADER = 1;
const STORED_LENGTH = 2;
const STORED_CHECK = 3;
const STORED_BYTES = 4;
const CODE_COUNTS = 5;
const LENGTH_CODES = 6;
const CODE_LENGTHS = 7;
const SYMBOL = 8;
const LENGTH_EXTRA = 9;
const DISTANCE = 10;
const DISTANCE_EXTRA = 11;
const MATCH = 12;
const CHECKSUM = 13;
const DONE = 14;

/** Inflates zlib streams, one after another. */
export interface Inflater {
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
  #wholeBuffer: Uint8Array = NO_BYTES;
  #pieceBuffer: Uint8Array = NO_BYTES;

  #input: Uint8Array = NO_BYTES;
  #pos = 0;
  #end = 0;
  /** Input bits taken but not used, the next one lowest; at most 31. */
  #hold = 0;
  #bits = 0;

  #out: Uint8Array = NO_BYTES;
  #outPos = 0;
  /** Where output must stop: the end of the buffer or of the declared size. */
  #outLimit = 0;
  #flushed = 0;
  /** Declared bytes that did not fit below `#outLimit`. */
  #restBytes = 0;
  #adler = 1;

  #state = DONE;
  /** Nothing taken yet of a stream that zlib may do in one call. */
  #untouched = false;
  #isLastBlock = false;
  #length = 0;
  #distance = 0;
  #extraBits = 0;

  readonly #dynamic: BlockTables = createBlockTables();
  readonly #lengthCode: HuffmanTable = createLengthCodeTable();
  readonly #lengths: Uint8Array = new Uint8Array(320);
  #tables: BlockTables = FIXED_TABLES;
  #literalCount = 0;
  #distanceCount = 0;
  #lengthCodeCount = 0;
  /** Code lengths, or checksum bytes, read so far. */
  #have = 0;
  #wanted = 0;

  constructor(wholeBytes: number, onOutput: (bytes: Uint8Array) => void, useZlib: boolean) {
    this.#useZlib = useZlib;
    this.#wholeBytes = wholeBytes;
    this.#onOutput = onOutput;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  /** Starts a stream of `expectedBytes`, whose output goes to `onOutput`. */
  reset(expectedBytes: number): void {
    if (expectedBytes <= this.#wholeBytes) {
      if (this.#wholeBuffer.length < expectedBytes)
        this.#wholeBuffer = new Uint8Array(roundUp(expectedBytes));
      this.#begin(this.#wholeBuffer, expectedBytes);
      this.#untouched = this.#useZlib;
    } else {
      if (this.#pieceBuffer.length === 0) this.#pieceBuffer = new Uint8Array(WINDOW_BYTES + PIECE_BYTES);
      this.#begin(this.#pieceBuffer, expectedBytes);
    }
  }

  /** Starts a stream whose output fills `target` exactly; `onOutput` gets it when it is whole and checked. */
  resetInto(target: Uint8Array): void {
    this.#begin(target, target.length);
  }

  #begin(out: Uint8Array, expectedBytes: number): void {
    this.#out = out;
    this.#outPos = 0;
    this.#outLimit = Math.min(out.length, expectedBytes);
    this.#restBytes = expectedBytes - this.#outLimit;
    this.#flushed = 0;
    this.#adler = 1;
    this.#hold = 0;
    this.#bits = 0;
    this.#untouched = false;
    this.#state = STREAM_HEADER;
  }

  push(input: Uint8Array, start: number, end: number): number {
    if (this.#untouched && end > start) {
      this.#untouched = false;
      // Worth a try where the stream probably ends inside; where it does not, our own loop starts over.
      const likely = (end - start) * LIKELY_RATIO >= this.#outLimit;
      if (likely && inflateOnce(input, start, end, this.#outLimit, this.#once)) {
        this.#state = DONE;
        this.#onOutput(this.#once.content);
        return this.#once.consumed;
      }
    }
    this.#input = input;
    this.#pos = start;
    this.#end = end;
    while (this.#step());
    this.#input = NO_BYTES;
    return this.#pos - start;
  }

  /** Goes on to the next state; false where input is missing or the stream is done. */
  #step(): boolean {
    switch (this.#state) {
      case STREAM_HEADER:
        return this.#streamHeader();
      case BLOCK_HEADER:
        return this.#blockHeader();
      case STORED_LENGTH:
        if (!this.#need(16)) return false;
        this.#length = this.#take(16);
        this.#state = STORED_CHECK;
        return true;
      case STORED_CHECK:
        if (!this.#need(16)) return false;
        if (this.#take(16) !== (~this.#length & 0xffff)) throw corrupt("stored block lengths disagree");
        this.#state = STORED_BYTES;
        return true;
      case STORED_BYTES:
        return this.#storedBytes();
      case CODE_COUNTS:
        return this.#codeCounts();
      case LENGTH_CODES:
        return this.#lengthCodes();
      case CODE_LENGTHS:
        return this.#codeLengths();
      case SYMBOL:
        if (this.#end - this.#pos >= FAST_INPUT_BYTES && this.#outPos < this.#outLimit) {
          this.#decodeFast();
          return true;
        }
        return this.#symbol();
      case LENGTH_EXTRA:
        if (!this.#need(this.#extraBits)) return false;
        this.#length += this.#take(this.#extraBits);
        this.#state = DISTANCE;
        return true;
      case DISTANCE:
        return this.#distanceSymbol();
      case DISTANCE_EXTRA:
        if (!this.#need(this.#extraBits)) return false;
        this.#distance += this.#take(this.#extraBits);
        this.#state = MATCH;
        return true;
      case MATCH:
        this.#match();
        return true;
      case CHECKSUM:
        return this.#checksum();
      default:
        return false;
    }
  }

  #streamHeader(): boolean {
    if (!this.#need(16)) return false;
    const method = this.#take(8);
    const flags = this.#take(8);
    if ((method * 256 + flags) % 31 !== 0 || (method & 15) !== 8 || method >> 4 > 7) {
      throw corrupt("not a zlib stream");
    }
    if (flags & 0x20) throw corrupt("zlib stream asks for a dictionary");
    this.#state = BLOCK_HEADER;
    return true;
  }

  #blockHeader(): boolean {
    if (!this.#need(3)) return false;
    this.#isLastBlock = this.#take(1) === 1;
    const type = this.#take(2);
    if (type === 0) {
      this.#take(this.#bits & 7);
      this.#state = STORED_LENGTH;
    } else if (type === 1) {
      this.#tables = FIXED_TABLES;
      this.#state = SYMBOL;
    } else if (type === 2) {
      this.#tables = this.#dynamic;
      this.#state = CODE_COUNTS;
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
    if (this.#outPos < this.#outLimit || this.#restBytes > 0)
      throw corrupt("content is shorter than declared");
    // What is left of the last byte is padding. At most three whole bytes stay held, and the checksum takes four.
    this.#take(this.#bits & 7);
    this.#have = 0;
    this.#wanted = 0;
    this.#state = CHECKSUM;
  }

  /** The two lengths took all bits, so the block's bytes come from the input directly. */
  #storedBytes(): boolean {
    while (this.#length > 0) {
      if (this.#pos === this.#end) return false;
      this.#makeRoom();
      const count = Math.min(this.#length, this.#end - this.#pos, this.#outLimit - this.#outPos);
      this.#out.set(this.#input.subarray(this.#pos, this.#pos + count), this.#outPos);
      this.#pos += count;
      this.#outPos += count;
      this.#length -= count;
    }
    this.#endBlock();
    return true;
  }

  #codeCounts(): boolean {
    if (!this.#need(14)) return false;
    this.#literalCount = this.#take(5) + 257;
    this.#distanceCount = this.#take(5) + 1;
    this.#lengthCodeCount = this.#take(4) + 4;
    if (this.#literalCount > 286 || this.#distanceCount > 30)
      throw corrupt("deflate block has too many codes");
    this.#have = 0;
    this.#state = LENGTH_CODES;
    return true;
  }

  #lengthCodes(): boolean {
    const lengths = this.#lengths;
    while (this.#have < this.#lengthCodeCount) {
      if (!this.#need(3)) return false;
      lengths[LENGTH_CODE_ORDER[this.#have++]!] = this.#take(3);
    }
    while (this.#have < 19) lengths[LENGTH_CODE_ORDER[this.#have++]!] = 0;
    buildHuffmanTable(this.#lengthCode, lengths, 0, 19, false);
    this.#have = 0;
    this.#state = CODE_LENGTHS;
    return true;
  }

  #codeLengths(): boolean {
    const lengths = this.#lengths;
    const total = this.#literalCount + this.#distanceCount;
    const { root, mask } = this.#lengthCode;
    const input = this.#input;
    const end = this.#end;
    let pos = this.#pos;
    let hold = this.#hold;
    let bits = this.#bits;
    let have = this.#have;
    while (have < total) {
      // A code takes at most 7 bits and its repeat count 7 more; fewer may do at the end of the input.
      while (bits < 14 && pos < end) {
        hold |= input[pos++]! << bits;
        bits += 8;
      }
      const entry = root[hold & mask]!;
      const codeBits = entry & 15;
      const value = entry >> 10;
      if (value < 16) {
        if (codeBits > bits) break;
        hold >>>= codeBits;
        bits -= codeBits;
        lengths[have++] = value;
        continue;
      }
      const extra = value === 16 ? 2 : value === 17 ? 3 : 7;
      if (codeBits + extra > bits) break;
      const count = ((hold >>> codeBits) & ((1 << extra) - 1)) + (value === 18 ? 11 : 3);
      hold >>>= codeBits + extra;
      bits -= codeBits + extra;
      if ((value === 16 && have === 0) || have + count > total)
        throw corrupt("deflate block repeats no length");
      const repeated = value === 16 ? lengths[have - 1]! : 0;
      for (let i = 0; i < count; i++) lengths[have++] = repeated;
    }
    this.#pos = pos;
    this.#hold = hold | 0;
    this.#bits = bits;
    this.#have = have;
    if (have < total) return false;
    if (lengths[256] === 0) throw corrupt("deflate block has no end code");
    buildHuffmanTable(this.#dynamic.literals, lengths, 0, this.#literalCount, true);
    buildHuffmanTable(this.#dynamic.distances, lengths, this.#literalCount, this.#distanceCount, true);
    this.#state = SYMBOL;
    return true;
  }

  /** Decodes while eight input bytes are at hand and the output has room; leaves a state that `#step` goes on from. */
  #decodeFast(): void {
    const input = this.#input;
    const lastPos = this.#end - FAST_INPUT_BYTES;
    const out = this.#out;
    const outLimit = this.#outLimit;
    const literals = this.#tables.literals;
    const distances = this.#tables.distances;
    const literalRoot = literals.root;
    const literalMask = literals.mask;
    const distanceRoot = distances.root;
    const distanceMask = distances.mask;
    let pos = this.#pos;
    let hold = this.#hold;
    let bits = this.#bits;
    let outPos = this.#outPos;
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
    this.#pos = pos;
    this.#hold = hold | 0;
    this.#bits = bits;
    this.#outPos = outPos;
    this.#state = state;
    if (state === CHECKSUM) this.#endBlock();
  }

  #symbol(): boolean {
    const entry = this.#decode(this.#tables.literals);
    if (entry === 0) return false;
    const kind = entry & CLASS_MASK;
    if (kind === CLASS_PLAIN) {
      this.#makeRoom();
      this.#out[this.#outPos++] = entry >> 10;
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
    if (this.#distance > this.#outPos) throw corrupt("match reaches before the start");
    while (this.#length > 0) {
      this.#makeRoom();
      const out = this.#out;
      const stop = Math.min(this.#outPos + this.#length, this.#outLimit);
      this.#length -= stop - this.#outPos;
      let from = this.#outPos - this.#distance;
      while (this.#outPos < stop) out[this.#outPos++] = out[from++]!;
    }
    this.#state = SYMBOL;
  }

  #checksum(): boolean {
    while (this.#have < 4) {
      if (!this.#need(8)) return false;
      this.#wanted = (this.#wanted << 8) | this.#take(8);
      this.#have++;
    }
    this.#adler = adler32(this.#adler, this.#out, this.#flushed, this.#outPos);
    if (this.#adler !== this.#wanted >>> 0) throw corrupt("Adler-32 checksum does not match");
    this.#state = DONE;
    this.#onOutput(this.#out.subarray(this.#flushed, this.#outPos));
    return false;
  }

  /** Makes sure that one byte of output fits: hands out a full piece and keeps the window. */
  #makeRoom(): void {
    if (this.#outPos < this.#outLimit) return;
    if (this.#restBytes === 0) throw corrupt("content is longer than declared");
    this.#adler = adler32(this.#adler, this.#out, this.#flushed, this.#outPos);
    this.#onOutput(this.#out.subarray(this.#flushed, this.#outPos));
    this.#out.copyWithin(0, this.#outPos - WINDOW_BYTES, this.#outPos);
    this.#outPos = WINDOW_BYTES;
    this.#flushed = WINDOW_BYTES;
    this.#outLimit = Math.min(this.#out.length, WINDOW_BYTES + this.#restBytes);
    this.#restBytes -= this.#outLimit - WINDOW_BYTES;
  }

  #decode(table: HuffmanTable): HuffmanEntry {
    for (;;) {
      let entry = table.root[this.#hold & table.mask]!;
      if (entry === 0) entry = decodeLongCode(table, this.#hold, this.#bits);
      else if ((entry & 15) > this.#bits) entry = 0;
      if (entry !== 0) {
        this.#take(entry & 15);
        return entry;
      }
      if (!this.#need(this.#bits + 1)) return 0;
    }
  }

  /** Takes input until `count` bits are held; false where the input ends before. */
  #need(count: number): boolean {
    while (this.#bits < count) {
      if (this.#pos === this.#end) return false;
      this.#hold |= this.#input[this.#pos++]! << this.#bits;
      this.#bits += 8;
    }
    return true;
  }

  #take(count: number): number {
    const value = this.#hold & ((1 << count) - 1);
    this.#hold >>>= count;
    this.#bits -= count;
    return value;
  }
}

function roundUp(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(bytes, 4096)));
}

function corrupt(message: string): PackError {
  return new PackError("PACK_CORRUPT", message);
}

import { LENGTH_DIGITS } from "./encode.ts";
import { PktlineError, printableBytes } from "./errors.ts";
import type { ControlPkt, PktLine } from "./packet.ts";
import { MAX_PACKET_BYTES, PktDecoderOptions } from "./schema.ts";

/**
 * Packets out of chunks, cut anyhow (gitprotocol-common, "pkt-line Format"). Push a chunk, then call `next` until it
 * gives `undefined`; then the decoder has copied what it needs of the chunk.
 */
export interface PktDecoder {
  /**
   * Hands over the next chunk. Payloads are views into it, so it must not be written while they are used.
   * Chunks pushed before the last one was used up are joined by copying.
   */
  push(chunk: Uint8Array): void;
  /**
   * The next packet, or `undefined` where more bytes are needed. A payload over a chunk's border is copied together.
   * Throws `PKTLINE_BAD_LENGTH` and `PKTLINE_TOO_LONG`, from then on at every call.
   */
  next(): PktLine | undefined;
  /** Takes the bytes behind the last packet, for whatever else follows there: a view where it can be one. */
  rest(): Uint8Array;
  /** Says that no more bytes follow, once `next` gives `undefined`. Throws `PKTLINE_TRUNCATED` in mid-packet. */
  end(): void;
}

/** @throws ZodError where the options are malformed. */
export function createPktDecoder(options: PktDecoderOptions = {}): PktDecoder {
  return new Decoder(PktDecoderOptions.parse(options).maxPacketBytes ?? MAX_PACKET_BYTES);
}

const EMPTY = new Uint8Array(0);
const FLUSH_PKT: ControlPkt = Object.freeze({ type: "flush" });
const DELIM_PKT: ControlPkt = Object.freeze({ type: "delim" });
const RESPONSE_END_PKT: ControlPkt = Object.freeze({ type: "response-end" });

/**
 * Invariant between calls: the bytes behind the last packet are `#digits` up to `#digitCount`, or all of `#partial`
 * up to `#filled` (its digits included), and then `#chunk` from `#at`.
 */
class Decoder implements PktDecoder {
  readonly #maxBytes: number;
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  /** Bytes of the stream before `#chunk`. */
  #before = 0;
  readonly #digits = new Uint8Array(LENGTH_DIGITS);
  #digitCount = 0;
  #partial: Uint8Array | undefined;
  #filled = 0;
  #fault: PktlineError | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    const left = this.#chunk.length - this.#at;
    this.#before += this.#at;
    this.#chunk = left === 0 ? chunk : joined(this.#chunk.subarray(this.#at), chunk);
    this.#at = 0;
  }

  next(): PktLine | undefined {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#partial !== undefined) return this.#fill(this.#partial);

    let digits = this.#chunk;
    let digitsAt = this.#at;
    if (this.#digitCount === 0 && digits.length - digitsAt >= LENGTH_DIGITS) {
      this.#at += LENGTH_DIGITS;
    } else {
      digits = this.#digits;
      digitsAt = 0;
      while (this.#digitCount < LENGTH_DIGITS && this.#at < this.#chunk.length) {
        digits[this.#digitCount++] = this.#chunk[this.#at++] as number;
      }
      if (this.#digitCount < LENGTH_DIGITS) return undefined;
      this.#digitCount = 0;
    }
    const length = readLength(digits, digitsAt);
    if (length <= LENGTH_DIGITS || length > this.#maxBytes) {
      return this.#special(length, digits.subarray(digitsAt, digitsAt + LENGTH_DIGITS));
    }

    const end = this.#at + length - LENGTH_DIGITS;
    if (end <= this.#chunk.length) {
      const bytes = this.#chunk.subarray(this.#at, end);
      this.#at = end;
      return { type: "data", bytes };
    }
    const partial = new Uint8Array(length);
    partial.set(digits.subarray(digitsAt, digitsAt + LENGTH_DIGITS));
    this.#partial = partial;
    this.#filled = LENGTH_DIGITS;
    return this.#fill(partial);
  }

  rest(): Uint8Array {
    const carried = this.#partial?.subarray(0, this.#filled) ?? this.#digits.slice(0, this.#digitCount);
    const remaining = this.#chunk.subarray(this.#at);
    this.#before += this.#chunk.length;
    this.#chunk = EMPTY;
    this.#at = 0;
    this.#digitCount = 0;
    this.#partial = undefined;
    return carried.length === 0 ? remaining : joined(carried, remaining);
  }

  end(): void {
    if (this.#fault !== undefined) throw this.#fault;
    const carried = this.#partial === undefined ? this.#digitCount : this.#filled;
    const missing = this.#partial === undefined ? "" : ` of ${this.#partial.length}`;
    const left = carried + this.#chunk.length - this.#at;
    if (left === 0) return;
    const offset = this.#before + this.#at - carried;
    throw new PktlineError("PKTLINE_TRUNCATED", `the stream ends ${left} bytes${missing} into a packet`, {
      offset,
    });
  }

  /** Copies what the chunk has of a packet that began in an earlier one. */
  #fill(partial: Uint8Array): PktLine | undefined {
    const take = Math.min(partial.length - this.#filled, this.#chunk.length - this.#at);
    partial.set(this.#chunk.subarray(this.#at, this.#at + take), this.#filled);
    this.#at += take;
    this.#filled += take;
    if (this.#filled < partial.length) return undefined;
    this.#partial = undefined;
    return { type: "data", bytes: partial.subarray(LENGTH_DIGITS) };
  }

  /** Every length that is no ordinary packet's. */
  #special(length: number, digits: Uint8Array): PktLine {
    if (length === 0) return FLUSH_PKT;
    if (length === 1) return DELIM_PKT;
    if (length === 2) return RESPONSE_END_PKT;
    if (length === LENGTH_DIGITS) return { type: "data", bytes: EMPTY };
    const offset = this.#before + this.#at - LENGTH_DIGITS;
    const shown = printableBytes(digits);
    if (length < 0) {
      this.#fault = new PktlineError("PKTLINE_BAD_LENGTH", `bad line length character: ${shown}`, { offset });
    } else {
      const code = length > this.#maxBytes ? "PKTLINE_TOO_LONG" : "PKTLINE_BAD_LENGTH";
      this.#fault = new PktlineError(code, `bad line length ${length}: ${shown}`, { offset });
    }
    throw this.#fault;
  }
}

/** The value of four hex digits, negative where they are none. */
function readLength(bytes: Uint8Array, at: number): number {
  return (
    (hexValue(bytes[at] as number) << 12) |
    (hexValue(bytes[at + 1] as number) << 8) |
    (hexValue(bytes[at + 2] as number) << 4) |
    hexValue(bytes[at + 3] as number)
  );
}

/** -1 keeps its sign through every shift above. */
function hexValue(digit: number): number {
  if (digit >= 0x30 && digit <= 0x39) return digit - 0x30;
  const lower = digit | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

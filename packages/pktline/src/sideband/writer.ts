import { SIDEBAND_64K_DATA_BYTES, SidebandWriterOptions } from "../schema.ts";
import { SIDEBAND_HEADER_BYTES, sidebandPackets, writeSidebandHeader } from "./frame.ts";

/**
 * Cuts bytes into sideband packets (gitprotocol-capabilities, "side-band, side-band-64k").
 *
 * Packets of band 1 are all full but the last before a `flush`, whatever pieces the data comes in. Pieces of 4 KiB
 * and more are not copied: what `take` gives is a header, then views of them. So the data belongs to the writer once
 * written, and to whoever takes it afterwards.
 */
export interface SidebandWriter {
  /** Adds data to band 1. What does not fill a packet waits for more, or for `flush`. */
  write(data: Uint8Array): void;
  /** Puts the data that waits into a packet of its own. */
  flush(): void;
  /**
   * Adds a text on band 2. It goes out ahead of data that waits for its packet to fill, which it never cuts short:
   * `flush` first where that order matters.
   */
  progress(text: string | Uint8Array): void;
  /** Adds the last word on band 3, behind all data written. */
  error(text: string | Uint8Array): void;
  /** Takes the finished packets: pieces to be sent one behind the other, the caller's to keep. */
  take(): Uint8Array[];
}

/** Pieces below this are copied together, so that a packet has few parts. */
const COPY_BELOW_BYTES = 4096;
/** What they are copied into. */
const BLOCK_BYTES = 16 * 1024;

/** @throws ZodError where the options are malformed. */
export function createSidebandWriter(options: SidebandWriterOptions = {}): SidebandWriter {
  return new Writer(SidebandWriterOptions.parse(options).maxDataBytes ?? SIDEBAND_64K_DATA_BYTES);
}

class Writer implements SidebandWriter {
  readonly #maxDataBytes: number;
  #taken: Uint8Array[] = [];
  /** The packet under way: its data so far, in order, without what `#block` holds from `#blockStart`. */
  #parts: Uint8Array[] = [];
  #dataBytes = 0;
  /** Small pieces, copied. Each byte of it is handed out once, so blocks are never written again. */
  #block = new Uint8Array(0);
  #blockStart = 0;
  #blockEnd = 0;

  constructor(maxDataBytes: number) {
    this.#maxDataBytes = maxDataBytes;
  }

  write(data: Uint8Array): void {
    let at = 0;
    while (at < data.length) {
      const room = this.#maxDataBytes - this.#dataBytes;
      const part = data.subarray(at, at + room);
      if (part.length < COPY_BELOW_BYTES) this.#copy(part);
      else {
        this.#closeBlock();
        this.#parts.push(part);
      }
      this.#dataBytes += part.length;
      at += part.length;
      if (this.#dataBytes === this.#maxDataBytes) this.flush();
    }
  }

  flush(): void {
    if (this.#dataBytes === 0) return;
    this.#closeBlock();
    const header = new Uint8Array(SIDEBAND_HEADER_BYTES);
    writeSidebandHeader(1, this.#dataBytes, header, 0);
    this.#taken.push(header);
    for (const part of this.#parts) this.#taken.push(part);
    this.#parts = [];
    this.#dataBytes = 0;
  }

  progress(text: string | Uint8Array): void {
    this.#add(2, text);
  }

  error(text: string | Uint8Array): void {
    this.flush();
    this.#add(3, text);
  }

  take(): Uint8Array[] {
    const taken = this.#taken;
    this.#taken = [];
    return taken;
  }

  #add(band: 2 | 3, text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    if (bytes.length > 0) this.#taken.push(sidebandPackets(band, bytes, this.#maxDataBytes));
  }

  #copy(part: Uint8Array): void {
    if (this.#block.length - this.#blockEnd < part.length) {
      this.#closeBlock();
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#blockStart = 0;
      this.#blockEnd = 0;
    }
    this.#block.set(part, this.#blockEnd);
    this.#blockEnd += part.length;
  }

  #closeBlock(): void {
    if (this.#blockEnd === this.#blockStart) return;
    this.#parts.push(this.#block.subarray(this.#blockStart, this.#blockEnd));
    this.#blockStart = this.#blockEnd;
  }
}

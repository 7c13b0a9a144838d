import { crc32 } from "node:zlib";
import { PackError } from "../errors.ts";
import { createHasher, type Hasher } from "../hash.ts";
import { createInflater, type Inflater } from "../inflate/inflater.ts";
import { hashLength } from "../object-id.ts";
import type { ObjectFormat, PackLimits } from "../schema.ts";
import {
  createEntryHeader,
  type EntryHeader,
  type EntryKind,
  KIND_BLOB,
  KIND_OFS_DELTA,
  KIND_REF_DELTA,
  MAX_ENTRY_HEADER_BYTES,
  parseEntryHeader,
} from "./pack-entry.ts";
import type { PackScanHandler, PackScanner, PackScannerOptions, ScannedEntry } from "./scan-handler.ts";

export type { PackScanHandler, PackScanner, PackScannerOptions, ScannedEntry } from "./scan-handler.ts";

const PACK_HEADER_BYTES = 12;
const PACK_SIGNATURE = 0x5041434b;
const DEFAULT_WHOLE_BYTES = 1024 * 1024;
const DEFAULT_MAX_OBJECT_COUNT = 50_000_000;
const DEFAULT_MAX_DELTA_BYTES = 512 * 1024 * 1024;
const NO_BYTES: Uint8Array = new Uint8Array(0);

const PACK_HEADER = 0;
const ENTRY_HEADER = 1;
const CONTENT = 2;
const TRAILER = 3;
const DONE = 4;

/** Makes the inflater of a scanner, which hands content to `onOutput`. */
export type MakeInflater = (onOutput: (bytes: Uint8Array) => void) => Inflater;

/**
 * Makes a scanner for one pack; memory stays within `wholeObjectBytes` plus a few hundred KiB, but for larger commits,
 * trees and tags, which `maxDeltaBytes` bounds. Another inflater than the scanner's own sees to `wholeObjectBytes` itself.
 */
export function createPackScanner(options: PackScannerOptions, makeInflater?: MakeInflater): PackScanner {
  return new IncrementalScanner(options, makeInflater);
}

class IncrementalScanner implements PackScanner {
  readonly #format: ObjectFormat;
  readonly #handler: PackScanHandler;
  readonly #limits: PackLimits;
  readonly #hasher: Hasher;
  readonly #inflater: Inflater;
  readonly #header: EntryHeader = createEntryHeader();
  readonly #entry: ScannedEntry;
  readonly #baseOid: Uint8Array;

  #state = PACK_HEADER;
  #objectCount = -1;
  #bodyBytes = 0;
  #trailer: Uint8Array | undefined;

  /** Content so far of a commit, tree or tag over `wholeObjectBytes`. */
  #pieces: Uint8Array[] = [];

  /** A header or trailer that the last chunk left unfinished. */
  readonly #carry: Uint8Array = new Uint8Array(MAX_ENTRY_HEADER_BYTES);
  #carried = 0;

  #chunk: Uint8Array = NO_BYTES;
  #pos = 0;
  /** The chunk's place in the pack. */
  #chunkOffset = 0;
  /** Up to where the chunk is in the pack's hash, and in the entry's CRC. */
  #hashedPos = 0;
  #crcPos = 0;

  constructor(options: PackScannerOptions, makeInflater: MakeInflater | undefined) {
    this.#format = options.format;
    this.#handler = options.handler;
    this.#limits = options.limits ?? {};
    this.#hasher = createHasher(options.format);
    this.#baseOid = new Uint8Array(hashLength(options.format));
    const entry: ScannedEntry = {
      index: -1,
      offset: 0,
      kind: 3,
      sizeBytes: 0,
      headerBytes: 0,
      baseOffset: -1,
      baseOid: undefined,
      endOffset: 0,
      crc32: 0,
    };
    this.#entry = entry;
    const onOutput = (bytes: Uint8Array): void => this.#takeOutput(bytes);
    const wholeBytes = options.wholeObjectBytes ?? DEFAULT_WHOLE_BYTES;
    this.#inflater = makeInflater?.(onOutput) ?? createInflater({ wholeBytes, onOutput });
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  get objectCount(): number {
    return this.#objectCount;
  }

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  get trailer(): Uint8Array | undefined {
    return this.done ? this.#trailer : undefined;
  }

  push(chunk: Uint8Array): number {
    this.#chunk = chunk;
    this.#inflater.open?.(chunk);
    this.#pos = 0;
    this.#hashedPos = 0;
    this.#crcPos = 0;
    while (this.#pos < chunk.length && this.#state !== DONE) this.#step();
    if (this.#state < TRAILER) this.#coverBody();
    if (this.#state === ENTRY_HEADER || this.#state === CONTENT) this.#coverEntry();
    this.#chunkOffset += this.#pos;
    this.#chunk = NO_BYTES;
    return this.#pos;
  }

  end(): void {
    if (this.done) return;
    throw new PackError("PACK_TRUNCATED", "stream ends inside the pack", { offset: this.#chunkOffset });
  }

  #step(): void {
    switch (this.#state) {
      case PACK_HEADER:
        this.#packHeader();
        break;
      case ENTRY_HEADER:
        this.#entryHeader();
        break;
      case CONTENT:
        this.#content();
        break;
      default:
        this.#readTrailer();
    }
    this.#checkPackBytes();
  }

  /** Moves bytes to the carry until it holds `length`; false where the chunk ends before. */
  #gather(length: number): boolean {
    while (this.#carried < length && this.#pos < this.#chunk.length) {
      this.#carry[this.#carried++] = this.#chunk[this.#pos++]!;
    }
    return this.#carried === length;
  }

  #packHeader(): void {
    const complete = this.#gather(PACK_HEADER_BYTES);
    const carry = this.#carry;
    for (let i = 0; i < this.#carried && i < 4; i++) {
      if (carry[i] !== ((PACK_SIGNATURE >>> (24 - 8 * i)) & 255)) {
        throw new PackError("PACK_BAD_HEADER", "not a pack", { offset: 0 });
      }
    }
    if (!complete) return;
    const version = readUint32(carry, 4);
    if (version !== 2 && version !== 3) {
      throw new PackError("PACK_BAD_HEADER", `pack version ${version} is not supported`, { offset: 4 });
    }
    const count = readUint32(carry, 8);
    if (count > (this.#limits.maxObjectCount ?? DEFAULT_MAX_OBJECT_COUNT)) {
      throw new PackError("PACK_LIMIT_EXCEEDED", `pack announces ${count} objects`, { offset: 8 });
    }
    this.#objectCount = count;
    this.#carried = 0;
    this.#handler.onHeader?.(count);
    this.#nextEntry();
  }

  #nextEntry(): void {
    const entry = this.#entry;
    if (entry.index + 1 < this.#objectCount) {
      entry.index++;
      entry.offset = this.#chunkOffset + this.#pos;
      entry.crc32 = 0;
      this.#crcPos = this.#pos;
      this.#state = ENTRY_HEADER;
    } else {
      this.#coverBody();
      this.#trailer = this.#hasher.digest();
      this.#state = TRAILER;
    }
  }

  #entryHeader(): void {
    const chunk = this.#chunk;
    const header = this.#header;
    let bytes = chunk;
    let start = this.#pos;
    if (this.#carried > 0) {
      // Fill up the carry and take from the chunk only what the header turns out to need.
      const before = this.#carried;
      const count = Math.min(MAX_ENTRY_HEADER_BYTES - before, chunk.length - this.#pos);
      for (let i = 0; i < count; i++) this.#carry[before + i] = chunk[this.#pos + i]!;
      bytes = this.#carry;
      start = 0;
      if (!this.#parse(bytes, 0, before + count)) {
        this.#carried += count;
        this.#pos += count;
        return;
      }
      this.#pos += header.headerBytes - before;
      this.#carried = 0;
    } else if (this.#parse(bytes, start, chunk.length)) {
      this.#pos += header.headerBytes;
    } else {
      this.#gather(chunk.length - start);
      return;
    }
    this.#startEntry(bytes);
  }

  #parse(bytes: Uint8Array, start: number, end: number): boolean {
    try {
      return parseEntryHeader(bytes, start, end, this.#format, this.#header);
    } catch (cause) {
      throw new PackError("PACK_CORRUPT", (cause as Error).message, { cause, offset: this.#entry.offset });
    }
  }

  #startEntry(bytes: Uint8Array): void {
    const header = this.#header;
    const entry = this.#entry;
    const { kind, sizeBytes } = header;
    this.#checkSize(kind, sizeBytes);
    entry.kind = kind;
    entry.sizeBytes = sizeBytes;
    entry.headerBytes = header.headerBytes;
    entry.baseOffset = -1;
    entry.baseOid = undefined;
    if (kind === KIND_OFS_DELTA) {
      entry.baseOffset = entry.offset - header.baseDistance;
      if (entry.baseOffset < PACK_HEADER_BYTES) {
        throw new PackError("PACK_CORRUPT", "delta base lies before the first entry", {
          offset: entry.offset,
        });
      }
    } else if (kind === KIND_REF_DELTA) {
      const baseOid = this.#baseOid;
      for (let i = 0; i < baseOid.length; i++) baseOid[i] = bytes[header.baseOidOffset + i]!;
      entry.baseOid = baseOid;
    }
    this.#handler.onEntry(entry);
    this.#inflater.reset(sizeBytes);
    this.#state = CONTENT;
  }

  /** Only blobs may be larger than what is held in memory. */
  #checkSize(kind: EntryKind, sizeBytes: number): void {
    const held = this.#limits.maxDeltaBytes ?? DEFAULT_MAX_DELTA_BYTES;
    const object = this.#limits.maxObjectBytes ?? Number.POSITIVE_INFINITY;
    const metadata = Math.min(held, object, this.#limits.maxMetadataBytes ?? held);
    const bound = kind === KIND_BLOB ? object : isDelta(kind) ? held : metadata;
    if (sizeBytes <= bound) return;
    const offset = this.#entry.offset;
    throw new PackError("PACK_LIMIT_EXCEEDED", `object of ${sizeBytes} bytes is over the limit`, { offset });
  }

  #content(): void {
    try {
      this.#pos += this.#inflater.push(this.#chunk, this.#pos, this.#chunk.length);
    } catch (cause) {
      if (!(cause instanceof PackError) || cause.offset !== undefined) throw cause;
      throw new PackError(cause.code, cause.message, { cause, offset: this.#entry.offset });
    }
    if (!this.#inflater.done) return;
    const entry = this.#entry;
    if (this.#pieces.length > 0) {
      this.#handler.onContent(entry, new Uint8Array(Buffer.concat(this.#pieces)));
      this.#pieces = [];
    }
    this.#coverEntry();
    entry.endOffset = this.#chunkOffset + this.#pos;
    this.#handler.onEntryEnd(entry);
    this.#nextEntry();
  }

  /** Passes on what may come in pieces; the pieces of the others are kept, so that memory follows what has arrived. */
  #takeOutput(bytes: Uint8Array): void {
    const entry = this.#entry;
    const isWhole = bytes.length === entry.sizeBytes;
    if (isWhole || entry.kind === KIND_BLOB || isDelta(entry.kind)) this.#handler.onContent(entry, bytes);
    else this.#pieces.push(bytes.slice());
  }

  #readTrailer(): void {
    const expected = this.#trailer!;
    if (!this.#gather(expected.length)) return;
    for (let i = 0; i < expected.length; i++) {
      if (this.#carry[i] === expected[i]) continue;
      throw new PackError("PACK_CHECKSUM_MISMATCH", "pack does not match its checksum", {
        offset: this.#bodyBytes,
      });
    }
    this.#state = DONE;
  }

  /** Brings hash and count of the body up to the present position. */
  #coverBody(): void {
    if (this.#pos > this.#hashedPos) this.#hasher.update(this.#chunk.subarray(this.#hashedPos, this.#pos));
    this.#bodyBytes += this.#pos - this.#hashedPos;
    this.#hashedPos = this.#pos;
  }

  /** Brings the entry's CRC up to the present position. */
  #coverEntry(): void {
    const entry = this.#entry;
    if (this.#pos === this.#crcPos) return;
    entry.crc32 =
      this.#inflater.crc32?.(this.#crcPos, this.#pos, entry.crc32) ??
      crc32(this.#chunk.subarray(this.#crcPos, this.#pos), entry.crc32);
    this.#crcPos = this.#pos;
  }

  #checkPackBytes(): void {
    const max = this.#limits.maxPackBytes;
    if (max === undefined) return;
    const least = this.#chunkOffset + this.#pos + (this.#state < TRAILER ? hashLength(this.#format) : 0);
    if (least > max)
      throw new PackError("PACK_LIMIT_EXCEEDED", `pack exceeds maximum allowed size (${max} bytes)`, {
        offset: max,
      });
  }
}

function isDelta(kind: EntryKind): boolean {
  return kind === KIND_OFS_DELTA || kind === KIND_REF_DELTA;
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    bytes[offset]! * 0x1000000 + ((bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!)
  );
}

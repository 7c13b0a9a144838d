import { crc32 } from "node:zlib";
import type { ObjectFormat } from "@millrace/pack";
import { corruptTable } from "./table-fault.ts";

/** Kinds of blocks, told by their first byte. */
export const REF_BLOCK = 0x72;
export const OBJECT_BLOCK = 0x6f;
export const LOG_BLOCK = 0x67;
export const INDEX_BLOCK = 0x69;

/** Type and length at the start of each block. */
export const BLOCK_HEADER_BYTES = 4;
export const MAX_BLOCK_BYTES = 0xffffff;

const MAGIC = 0x52454654;
const HASH_IDS: Readonly<Record<number, ObjectFormat>> = { 0x73686131: "sha1", 0x73323536: "sha256" };
const SHA256_ID = 0x73323536;
const FOOTER_TAIL_BYTES = 44;

/** The largest footer. */
export const MAX_FOOTER_BYTES: number = 28 + FOOTER_TAIL_BYTES;

/** What a table says of itself at its start, and again at its end (reftable, "Header"). */
export interface TableHeader {
  readonly format: ObjectFormat;
  /** Bytes of a block; 0 where blocks follow each other without padding. */
  readonly blockBytes: number;
  readonly minUpdateIndex: number;
  readonly maxUpdateIndex: number;
}

/** Where the sections of a table lie (reftable, "Footer"); 0: there is none. */
export interface TableSections {
  readonly refIndex: number;
  readonly objects: number;
  /** Bytes of the object ids that the object section tells. */
  readonly objectIdBytes: number;
  readonly objectIndex: number;
  readonly logs: number;
  readonly logIndex: number;
}

/** Header, sections, and what comes of them. */
export interface TableFooter extends TableHeader, TableSections {
  readonly headerBytes: number;
  /** Where the footer starts. */
  readonly end: number;
  /** The header as it stands at the start of the table. */
  readonly header: Buffer;
}

/** Version 1 knows sha1 only and has no room to say so. */
export function headerLength(format: ObjectFormat): number {
  return format === "sha1" ? 24 : 28;
}

export function encodeHeader(header: TableHeader): Buffer {
  const { format } = header;
  const bytes = Buffer.alloc(headerLength(format));
  bytes.writeUInt32BE(MAGIC, 0);
  bytes[4] = format === "sha1" ? 1 : 2;
  bytes.writeUIntBE(header.blockBytes, 5, 3);
  bytes.writeBigUInt64BE(BigInt(header.minUpdateIndex), 8);
  bytes.writeBigUInt64BE(BigInt(header.maxUpdateIndex), 16);
  if (format === "sha256") bytes.writeUInt32BE(SHA256_ID, 24);
  return bytes;
}

export function encodeFooter(header: Uint8Array, sections: TableSections): Buffer {
  const bytes = Buffer.alloc(header.length + FOOTER_TAIL_BYTES);
  bytes.set(header);
  const { refIndex, objects, objectIdBytes, objectIndex, logs, logIndex } = sections;
  const idAndPlace = (BigInt(objects) << 5n) | BigInt(objectIdBytes);
  const words = [BigInt(refIndex), idAndPlace, BigInt(objectIndex), BigInt(logs), BigInt(logIndex)];
  for (const [i, word] of words.entries()) bytes.writeBigUInt64BE(word, header.length + 8 * i);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, bytes.length - 4)), bytes.length - 4);
  return bytes;
}

/** Reads the footer out of the last bytes of a table of `sizeBytes`. Throws `STORAGE_CORRUPT`. */
export function decodeFooter(tail: Buffer, sizeBytes: number): TableFooter {
  const headerBytes = [24, 28].find((length, i) => {
    const start = tail.length - length - FOOTER_TAIL_BYTES;
    return start >= 0 && tail.readUInt32BE(start) === MAGIC && tail[start + 4] === i + 1;
  });
  if (headerBytes === undefined || sizeBytes < 2 * headerBytes + FOOTER_TAIL_BYTES) {
    throw corruptTable("no footer");
  }
  const footer = tail.subarray(tail.length - headerBytes - FOOTER_TAIL_BYTES);
  if (crc32(footer.subarray(0, -4)) !== footer.readUInt32BE(footer.length - 4)) {
    throw corruptTable("the footer's checksum does not match");
  }
  const header = Buffer.from(footer.subarray(0, headerBytes));
  const end = sizeBytes - footer.length;
  const place = (i: number): number => {
    const position = wholeNumber(footer.readBigUInt64BE(headerBytes + 8 * i));
    if (position > end) throw corruptTable("a section starts past the end");
    return position;
  };
  const objects = footer.readBigUInt64BE(headerBytes + 8);
  if (objects >> 5n > BigInt(end)) throw corruptTable("a section starts past the end");
  const format = headerBytes === 24 ? "sha1" : HASH_IDS[header.readUInt32BE(24)];
  if (format === undefined) throw corruptTable("an unknown hash");
  return {
    format,
    blockBytes: header.readUIntBE(5, 3),
    minUpdateIndex: wholeNumber(header.readBigUInt64BE(8)),
    maxUpdateIndex: wholeNumber(header.readBigUInt64BE(16)),
    refIndex: place(0),
    objects: Number(objects >> 5n),
    objectIdBytes: Number(objects & 31n),
    objectIndex: place(2),
    logs: place(3),
    logIndex: place(4),
    headerBytes,
    end,
    header,
  };
}

function wholeNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw corruptTable("a number is too large");
  return Number(value);
}

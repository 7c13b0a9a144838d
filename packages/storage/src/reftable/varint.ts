import { corruptTable } from "./table-fault.ts";

/** Where a parser stands in a block. */
export interface Cursor {
  readonly bytes: Buffer;
  at: number;
  /** One behind the last byte it may read. */
  readonly end: number;
}

/** Reads a number as pack entries have the distances of their bases (reftable, "varint encoding"); exact up to 2^53. */
export function readVarint(cursor: Cursor): number {
  let byte = readByte(cursor);
  let value = byte & 0x7f;
  while (byte >= 0x80) {
    byte = readByte(cursor);
    value = (value + 1) * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER) throw corruptTable("a number is too large");
  }
  return value;
}

function readByte(cursor: Cursor): number {
  if (cursor.at >= cursor.end) throw corruptTable("a record goes past its block");
  return cursor.bytes[cursor.at++]!;
}

/** Takes `length` bytes, and tells where they start. */
export function take(cursor: Cursor, length: number): number {
  const start = cursor.at;
  if (length > cursor.end - start) throw corruptTable("a record goes past its block");
  cursor.at = start + length;
  return start;
}

/** Bytes that `writeVarint` takes at most for numbers up to 2^53. */
export const MAX_VARINT_BYTES = 8;

/** Writes a number at `offset` and tells where it ends. */
export function writeVarint(value: number, target: Uint8Array, offset: number): number {
  let length = 1;
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor((rest - 1) / 128)) length++;
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    target[offset + i] = (rest % 128) | (i === length - 1 ? 0 : 0x80);
    rest = Math.floor(rest / 128) - 1;
  }
  return offset + length;
}

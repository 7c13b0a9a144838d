import type { ObjectFormat } from "@millrace/pack";
import { MAX_NAME_BYTES, plainNameEnd } from "../plain-records.ts";
import type { RefLines } from "../ref-lines.ts";
import type { TableBlock } from "./read-block.ts";
import { corruptTable } from "./table-fault.ts";
import { type Cursor, readVarint, take } from "./varint.ts";

const LF = 10;
const SPACE = 32;
const CARET = 94;
const HIGH: Uint8Array = new Uint8Array(256);
const LOW: Uint8Array = new Uint8Array(256);
for (let i = 0; i < 256; i++) {
  const digits = i.toString(16).padStart(2, "0");
  HIGH[i] = digits.charCodeAt(0);
  LOW[i] = digits.charCodeAt(1);
}

/** A block that says more than so much for its size shares more of its names than lines are worth it. */
const MAX_GROWTH = 16;

/**
 * All refs of a block as lines, tags told with what they point to; `undefined` where one is none that lines can tell: it is
 * gone, symbolic, broken, or its name is not plain. No string is made. Throws `STORAGE_CORRUPT`.
 */
export function blockLines(block: TableBlock, format: ObjectFormat): RefLines | undefined {
  const { bytes, recordsStart, recordsEnd } = block;
  const hashBytes = format === "sha1" ? 20 : 32;
  const room = MAX_GROWTH * bytes.length;
  let out = Buffer.allocUnsafe(Math.min(room, 4 * bytes.length));
  const cursor: Cursor = { bytes, at: recordsStart, end: recordsEnd };
  let at = 0;
  let count = 0;
  /** The name before, which lies in `out`. */
  let lastStart = 0;
  let lastLength = 0;

  while (cursor.at < recordsEnd) {
    const shared = readVarint(cursor);
    const lengthAndKind = readVarint(cursor);
    const kind = lengthAndKind % 8;
    if (kind !== 1 && kind !== 2) return undefined;
    const suffixLength = Math.floor(lengthAndKind / 8);
    const suffix = take(cursor, suffixLength);
    if (shared > lastLength) throw corruptTable("a key shares more than there is");
    readVarint(cursor);
    const oid = take(cursor, hashBytes);
    const needed = at + 4 * hashBytes + shared + suffixLength + 4;
    if (needed > out.length) {
      if (needed > room) return undefined;
      const larger = Buffer.allocUnsafe(Math.min(room, 2 * needed));
      out.copy(larger, 0, 0, at);
      out = larger;
    }
    if (!putHex(bytes, oid, hashBytes, out, at)) return undefined;
    at += 2 * hashBytes;
    out[at++] = SPACE;
    for (let i = 0; i < shared; i++) out[at + i] = out[lastStart + i]!;
    for (let i = 0; i < suffixLength; i++) out[at + shared + i] = bytes[suffix + i]!;
    const length = shared + suffixLength;
    if (!isBehind(out, lastStart, lastLength, at, length, shared)) throw corruptTable("keys do not ascend");
    lastStart = at;
    lastLength = length;
    at += length;
    out[at++] = LF;
    if (plainNameEnd(out, lastStart, Math.min(at, lastStart + MAX_NAME_BYTES)) < 0) return undefined;
    count++;
    if (kind === 1) continue;
    out[at++] = CARET;
    putHex(bytes, take(cursor, hashBytes), hashBytes, out, at);
    at += 2 * hashBytes;
    out[at++] = LF;
  }
  return { lines: out.subarray(0, at), count, isPeeled: true };
}

/** Writes bytes as digits; `false` where all of them are zero. */
function putHex(bytes: Uint8Array, start: number, length: number, out: Uint8Array, at: number): boolean {
  let any = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    any |= byte;
    out[at + 2 * i] = HIGH[byte]!;
    out[at + 2 * i + 1] = LOW[byte]!;
  }
  return any !== 0;
}

/** Whether a name comes behind the one before it; both start with the same `from` bytes. */
function isBehind(
  out: Uint8Array,
  before: number,
  beforeLength: number,
  at: number,
  length: number,
  from: number,
): boolean {
  const end = Math.min(beforeLength, length);
  for (let i = from; i < end; i++) {
    const difference = out[at + i]! - out[before + i]!;
    if (difference !== 0) return difference > 0;
  }
  return length > beforeLength;
}

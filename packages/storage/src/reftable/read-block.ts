import type { ObjectFormat, Oid } from "@millrace/pack";
import { BLOCK_HEADER_BYTES } from "./table-layout.ts";
import { corruptTable } from "./table-fault.ts";
import type { TableLog, TableRef } from "./table-records.ts";
import { type Cursor, readVarint, take } from "./varint.ts";

/** A block as it lies in a table, a log block inflated. */
export interface TableBlock {
  readonly type: number;
  /** Up to the end of its restart count, without padding. */
  readonly bytes: Buffer;
  /** Where its records start: behind the table's header in the first block. */
  readonly recordsStart: number;
  readonly recordsEnd: number;
  readonly restarts: number;
  /** Where the next block starts in the table. */
  readonly next: number;
}

/** Checks what stands around the records of a block. Throws `STORAGE_CORRUPT`. */
export function openBlock(bytes: Buffer, start: number, next: number): TableBlock {
  const recordsStart = start + BLOCK_HEADER_BYTES;
  const restarts = bytes.length < recordsStart + 2 ? 0 : bytes.readUInt16BE(bytes.length - 2);
  const recordsEnd = bytes.length - 2 - 3 * restarts;
  if (restarts === 0 || recordsEnd <= recordsStart) throw corruptTable("a block without records");
  return { type: bytes[start]!, bytes, recordsStart, recordsEnd, restarts, next };
}

/** Where the `i`th restart point is: a record whose key stands there in full. */
function restartAt({ bytes, recordsStart, recordsEnd }: TableBlock, i: number): number {
  const at = bytes.readUIntBE(recordsEnd + 3 * i, 3);
  if (at < recordsStart || at >= recordsEnd) throw corruptTable("a restart point outside of its block");
  return at;
}

/**
 * Characters that the keys of a block of so many bytes may have in all: long names that share nearly everything, and no
 * more. What goes past it was made to fill memory.
 */
function keyBudget(blockBytes: number): number {
  return Math.min(64 * 1024 + 64 * blockBytes, 128 * 1024 * 1024 + blockBytes);
}

/** Goes through the records of a block in order. */
export interface RecordWalk {
  /** Stands behind the record's key; who reads the value moves it on. */
  readonly cursor: Cursor;
  /** The record's key, bytes as characters. */
  key: string;
  /** What the low bits of the suffix' length say. */
  kind: number;
  /** Goes to the next record; `false` at the end. Throws `STORAGE_CORRUPT` where keys do not ascend. */
  next(): boolean;
}

/**
 * Starts at the last restart point whose key is not behind `key`, or at the block's start. Whoever looks for a key meets
 * it from there on, after fewer records than lie between two points.
 */
export function walkRecords(block: TableBlock, key = ""): RecordWalk {
  return walkFrom(block, key === "" ? block.recordsStart : seekRestart(block, key));
}

/** Starts at a record whose key stands there in full. */
function walkFrom({ bytes, recordsEnd }: TableBlock, start: number): RecordWalk {
  const cursor: Cursor = { bytes, at: start, end: recordsEnd };
  let budget = keyBudget(bytes.length);
  let isFirst = true;
  return {
    cursor,
    key: "",
    kind: 0,
    next() {
      if (cursor.at >= recordsEnd) return false;
      const shared = readVarint(cursor);
      const lengthAndKind = readVarint(cursor);
      const length = Math.floor(lengthAndKind / 8);
      const suffixStart = take(cursor, length);
      if (shared > this.key.length) throw corruptTable("a key shares more than there is");
      budget -= shared + length;
      if (budget < 0) throw corruptTable("keys are too long for their block");
      const suffix = bytes.toString("latin1", suffixStart, cursor.at);
      const next = shared === 0 ? suffix : this.key.slice(0, shared) + suffix;
      if (!isFirst && next <= this.key) throw corruptTable("keys do not ascend");
      isFirst = false;
      this.key = next;
      this.kind = lengthAndKind % 8;
      return true;
    },
  };
}

function seekRestart(block: TableBlock, key: string): number {
  let low = 0;
  let high = block.restarts;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyAt(block, restartAt(block, middle)) <= key) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? block.recordsStart : restartAt(block, low - 1);
}

function keyAt({ bytes, recordsEnd }: TableBlock, at: number): string {
  const cursor: Cursor = { bytes, at, end: recordsEnd };
  if (readVarint(cursor) !== 0) throw corruptTable("a restart point that shares its key");
  const length = Math.floor(readVarint(cursor) / 8);
  const start = take(cursor, length);
  return bytes.toString("latin1", start, start + length);
}

/** The key of a block's first record. */
export function firstKeyOf(block: TableBlock): string {
  return keyAt(block, block.recordsStart);
}

/** The key of a block's last record, found from its last restart point on. */
export function lastKeyOf(block: TableBlock, format: ObjectFormat): string {
  const walk = walkFrom(block, restartAt(block, block.restarts - 1));
  const { cursor } = walk;
  const hashBytes = format === "sha1" ? 20 : 32;
  while (walk.next()) {
    readVarint(cursor);
    if (walk.kind === 3) take(cursor, readVarint(cursor));
    else take(cursor, walk.kind * hashBytes);
  }
  return walk.key;
}

/** The refs of a block from the first key that is not before `from` on (reftable, "ref record"). */
export function readRefs(
  block: TableBlock,
  format: ObjectFormat,
  minUpdateIndex: number,
  from = "",
): TableRef[] {
  const refs: TableRef[] = [];
  const walk = walkRecords(block, from);
  const { cursor } = walk;
  const hashBytes = format === "sha1" ? 20 : 32;
  while (walk.next()) {
    const updateIndex = minUpdateIndex + readVarint(cursor);
    const { kind } = walk;
    let oid: Oid | undefined;
    let peeled: Oid | undefined;
    let symref: string | undefined;
    if (kind === 1 || kind === 2) oid = readOid(cursor, hashBytes);
    if (kind === 2) peeled = readOid(cursor, hashBytes);
    else if (kind === 3) {
      const length = readVarint(cursor);
      const start = take(cursor, length);
      symref = cursor.bytes.toString("latin1", start, cursor.at);
    } else if (kind > 3) throw corruptTable("an unknown kind of ref");
    if (walk.key >= from) refs.push({ key: walk.key, updateIndex, oid, peeled, symref });
  }
  return refs;
}

function readOid(cursor: Cursor, hashBytes: number): Oid {
  const start = take(cursor, hashBytes);
  return cursor.bytes.toString("hex", start, cursor.at);
}

/** The child that holds the first key that is not before `key`; `undefined` where all are before it (reftable, "index record"). */
export function findChild(block: TableBlock, key: string): number | undefined {
  const walk = walkRecords(block, key);
  while (walk.next()) {
    const position = readVarint(walk.cursor);
    if (walk.key >= key) return position;
  }
  return undefined;
}

/** Bytes behind a ref's name in a log's key: a zero, and how far the update index is from the largest number. */
const LOG_SUFFIX_BYTES = 9;
const LAST_INDEX = 0xffff_ffff_ffff_ffffn;

/** The key of a log entry: by it the newest entry of a ref comes first (reftable, "log record"). */
export function logKey(key: string, updateIndex: number): string {
  const suffix = Buffer.alloc(LOG_SUFFIX_BYTES);
  suffix.writeBigUInt64BE(LAST_INDEX - BigInt(updateIndex), 1);
  return key + suffix.toString("latin1", 0, LOG_SUFFIX_BYTES);
}

/** The log entries of a block from the first key that is not before `from` on. */
export function readLogs(block: TableBlock, format: ObjectFormat, from = ""): TableLog[] {
  const logs: TableLog[] = [];
  const walk = walkRecords(block, from);
  const { cursor } = walk;
  const hashBytes = format === "sha1" ? 20 : 32;
  const text = (): Uint8Array => {
    const length = readVarint(cursor);
    const start = take(cursor, length);
    return new Uint8Array(cursor.bytes.subarray(start, cursor.at));
  };
  while (walk.next()) {
    const nameEnd = walk.key.length - LOG_SUFFIX_BYTES;
    if (nameEnd < 1 || walk.key[nameEnd] !== "\0" || walk.kind > 1)
      throw corruptTable("an unknown log entry");
    const reversed = Buffer.from(walk.key.slice(nameEnd + 1), "latin1").readBigUInt64BE(0);
    const index = LAST_INDEX - reversed;
    if (index > BigInt(Number.MAX_SAFE_INTEGER)) throw corruptTable("a number is too large");
    let move: TableLog["move"];
    if (walk.kind === 1) {
      const old = readOid(cursor, hashBytes);
      const next = readOid(cursor, hashBytes);
      const name = text();
      const email = text();
      const time = readVarint(cursor);
      const zone = cursor.bytes.readInt16BE(take(cursor, 2));
      move = { old: orNull(old), new: orNull(next), name, email, time, zone, message: text() };
    }
    if (walk.key >= from) logs.push({ key: walk.key.slice(0, nameEnd), updateIndex: Number(index), move });
  }
  return logs;
}

function orNull(oid: Oid): Oid | null {
  return /^0+$/.test(oid) ? null : oid;
}

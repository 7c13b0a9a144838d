import { hashLength, type ObjectFormat, type Oid, writeOid, zeroOid } from "@millrace/pack";
import { createObjectPlaces, writeObjects } from "./object-section.ts";
import { logKey } from "./read-block.ts";
import {
  encodeFooter,
  encodeHeader,
  INDEX_BLOCK,
  LOG_BLOCK,
  MAX_BLOCK_BYTES,
  OBJECT_BLOCK,
  REF_BLOCK,
} from "./table-layout.ts";
import { unfitRecord } from "./table-fault.ts";
import { isDeletion, type LogMove, type TableLog, type TableRef } from "./table-records.ts";
import { MAX_VARINT_BYTES, writeVarint } from "./varint.ts";
import { type BlockWriter, createBlockWriter } from "./write-block.ts";

/** How a table is laid out; the defaults are git's. */
export interface TableWriteOptions {
  readonly format: ObjectFormat;
  /** The update indexes of the refs in it, both inclusive; log entries may be older. */
  readonly minUpdateIndex: number;
  readonly maxUpdateIndex: number;
  /** Bytes of a block, 1 to 16,777,215. Default 4,096. */
  readonly blockBytes?: number | undefined;
  /** Records from one key in full to the next, at most. Default 16. */
  readonly restartInterval?: number | undefined;
  /** Leave out the padding that has each block start at a multiple of `blockBytes`. Default `false`. */
  readonly unaligned?: boolean | undefined;
  /** In tables with an index also write which refs name an object, as git does; costs memory for each ref. Default `false`. */
  readonly objectIndex?: boolean | undefined;
}

/**
 * Writes a table from records in the order of their keys, refs first. Adding throws `STORAGE_UNSUPPORTED` for records out
 * of order, out of the table's update indexes, or too large for a block; the table is spoiled then.
 */
export interface TableWriter {
  addRef(ref: TableRef): void;
  /** Entries of one ref come newest first. */
  addLog(log: TableLog): void;
  /** Writes what is left, indexes and footer. */
  finish(): void;
  /** The bytes written since the last call, which are the caller's. */
  take(): Uint8Array[];
}

interface IndexEntry {
  readonly key: string;
  readonly position: number;
}

/** Starts a table (git's technical/reftable). */
export function createTableWriter(options: TableWriteOptions): TableWriter {
  const { format, minUpdateIndex, maxUpdateIndex } = options;
  const { blockBytes = 4096, restartInterval = 16, unaligned = false, objectIndex = false } = options;
  if (!(blockBytes > 0 && blockBytes <= MAX_BLOCK_BYTES && restartInterval > 0)) {
    throw unfitRecord(`blocks of ${blockBytes} bytes, restarts every ${restartInterval} records`);
  }
  const header = encodeHeader({ format, blockBytes, minUpdateIndex, maxUpdateIndex });
  const places = objectIndex ? createObjectPlaces() : undefined;
  const sections = { refIndex: 0, objects: 0, objectIdBytes: 0, objectIndex: 0, logs: 0, logIndex: 0 };
  let chunks: Uint8Array[] = [];
  let position = 0;
  /** Zeros that are written when something follows in the same alignment. */
  let padding = 0;
  let section = REF_BLOCK;
  let block: BlockWriter | undefined;
  let index: IndexEntry[] = [];
  let lastKey: string | undefined;

  const start = (type: number): BlockWriter =>
    createBlockWriter({ type, blockBytes, restartInterval, start: position === 0 ? header.length : 0 });

  const flush = (): void => {
    if (block === undefined) return;
    const bytes = block.finish();
    if (position === 0) bytes.set(header);
    if (padding > 0) chunks.push(new Uint8Array(padding));
    chunks.push(bytes);
    index.push({ key: block.lastKey, position });
    padding = unaligned || block.type === LOG_BLOCK ? 0 : blockBytes - bytes.length;
    position += bytes.length + padding;
    block = undefined;
  };

  const add = (type: number, key: string, kind: number, value: Uint8Array): boolean => {
    block ??= start(type);
    if (block.add(key, kind, value)) return true;
    if (block.entries > 0) {
      flush();
      block = start(type);
      if (block.add(key, kind, value)) return true;
    }
    block = undefined;
    return false;
  };

  /** Ends a section with its index, level upon level; the place of the topmost level, 0 where one needs none. */
  const finishSection = (): number => {
    flush();
    let top = 0;
    while (index.length > (unaligned ? 1 : 3)) {
      const level = index;
      index = [];
      top = position;
      for (const entry of level) {
        if (!add(INDEX_BLOCK, entry.key, 0, encodeNumber(entry.position))) throw tooLarge(entry.key);
      }
      flush();
    }
    index = [];
    lastKey = undefined;
    return top;
  };

  const finishRefs = (): void => {
    section = LOG_BLOCK;
    sections.refIndex = finishSection();
    if (sections.refIndex === 0 || places === undefined) return;
    sections.objects = position;
    sections.objectIdBytes = writeObjects(places, (key, kind, value) => add(OBJECT_BLOCK, key, kind, value));
    sections.objectIndex = finishSection();
  };

  const checkOrder = (key: string): void => {
    if (lastKey !== undefined && key <= lastKey)
      throw unfitRecord(`records out of order at ${JSON.stringify(key)}`);
    lastKey = key;
  };

  return {
    addRef(ref) {
      const { key, updateIndex } = ref;
      if (section !== REF_BLOCK) throw unfitRecord("a ref behind logs");
      if (!(updateIndex >= minUpdateIndex && updateIndex <= maxUpdateIndex)) {
        throw unfitRecord(`update ${updateIndex} is not in ${minUpdateIndex}..${maxUpdateIndex}`);
      }
      checkOrder(key);
      const value = encodeRef(ref, updateIndex - minUpdateIndex, format);
      if (!add(REF_BLOCK, key, kindOf(ref), value)) throw tooLarge(key);
      if (ref.oid !== undefined) places?.add(ref.oid, position);
      if (ref.peeled !== undefined) places?.add(ref.peeled, position);
    },
    addLog(log) {
      const isFirst = section === REF_BLOCK;
      if (isFirst) finishRefs();
      position -= padding;
      padding = 0;
      if (!(log.updateIndex <= maxUpdateIndex)) throw unfitRecord(`update ${log.updateIndex} is too new`);
      const key = logKey(log.key, log.updateIndex);
      checkOrder(key);
      if (isFirst) sections.logs = position;
      const value = log.move === undefined ? new Uint8Array(0) : encodeMove(log.move, format);
      if (!add(LOG_BLOCK, key, log.move === undefined ? 0 : 1, value)) throw tooLarge(log.key);
    },
    finish() {
      if (section === REF_BLOCK) finishRefs();
      else sections.logIndex = finishSection();
      if (position === 0) chunks.push(header);
      chunks.push(encodeFooter(header, sections));
    },
    take() {
      const taken = chunks;
      chunks = [];
      return taken;
    },
  };
}

/** A whole table at once, for a few records. */
export function encodeTable(
  options: TableWriteOptions,
  refs: Iterable<TableRef>,
  logs: Iterable<TableLog> = [],
): Uint8Array {
  const writer = createTableWriter(options);
  for (const ref of refs) writer.addRef(ref);
  for (const log of logs) writer.addLog(log);
  writer.finish();
  return Buffer.concat(writer.take());
}

function tooLarge(key: string): Error {
  return unfitRecord(`a record is too large for a block: ${JSON.stringify(key.slice(0, 80))}`);
}

function kindOf(ref: TableRef): number {
  if (isDeletion(ref)) return 0;
  if (ref.symref !== undefined) return 3;
  return ref.peeled === undefined ? 1 : 2;
}

function encodeNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(MAX_VARINT_BYTES);
  return bytes.subarray(0, writeVarint(value, bytes, 0));
}

/** Values of most refs are made here: a block copies them at once. */
const scratch: Buffer = Buffer.alloc(512);

function encodeRef(ref: TableRef, delta: number, format: ObjectFormat): Uint8Array {
  const symref = ref.symref ?? "";
  const room = 2 * MAX_VARINT_BYTES + 64 + symref.length;
  const bytes = room <= scratch.length ? scratch : Buffer.alloc(room);
  let at = writeVarint(delta, bytes, 0);
  if (ref.symref !== undefined) {
    at = writeVarint(symref.length, bytes, at);
    at += bytes.write(symref, at, "latin1");
    return bytes.subarray(0, at);
  }
  for (const oid of [ref.oid, ref.peeled]) {
    if (oid !== undefined) at = putOid(oid, bytes, at, format);
  }
  return bytes.subarray(0, at);
}

function putOid(oid: Oid, bytes: Uint8Array, at: number, format: ObjectFormat): number {
  const length = hashLength(format);
  if (oid.length !== 2 * length) throw unfitRecord(`not an object id of ${format}: ${oid}`);
  writeOid(oid, bytes, at);
  return at + length;
}

function encodeMove(move: LogMove, format: ObjectFormat): Uint8Array {
  const { name, email, message } = move;
  const fixed = 2 * hashLength(format) + 4 * MAX_VARINT_BYTES + 2;
  const bytes = Buffer.alloc(fixed + name.length + email.length + message.length);
  let at = putOid(move.old ?? zeroOid(format), bytes, 0, format);
  at = putOid(move.new ?? zeroOid(format), bytes, at, format);
  const put = (text: Uint8Array): void => {
    at = writeVarint(text.length, bytes, at);
    bytes.set(text, at);
    at += text.length;
  };
  put(name);
  put(email);
  at = writeVarint(move.time, bytes, at);
  at = bytes.writeInt16BE(move.zone, at);
  put(message);
  return bytes.subarray(0, at);
}

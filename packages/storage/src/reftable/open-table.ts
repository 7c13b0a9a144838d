import {
  inflateWhole,
  type ObjectFormat,
  type OperationOptions,
  PackError,
  type RandomAccess,
} from "@millrace/pack";
import { StorageError } from "../errors.ts";
import { findChild, logKey, openBlock, readLogs, readRefs, type TableBlock } from "./read-block.ts";
import {
  BLOCK_HEADER_BYTES,
  decodeFooter,
  INDEX_BLOCK,
  LOG_BLOCK,
  MAX_FOOTER_BYTES,
  REF_BLOCK,
  type TableFooter,
} from "./table-layout.ts";
import { corruptTable, naming, namingTable, namingTableOf } from "./table-fault.ts";
import { blockRun, type RefRun, runOf } from "./ref-run.ts";
import type { TableLog, TableRef } from "./table-records.ts";

/** Which records to read, in the order of their keys. */
export interface TableQuery extends OperationOptions {
  /** Only keys that start with this. Default: all. */
  readonly prefix?: string | undefined;
}

/** The records of a table, or of several in one view. What is broken throws `STORAGE_CORRUPT` when it is met. */
export interface RefRecords {
  readonly format: ObjectFormat;
  readonly minUpdateIndex: number;
  readonly maxUpdateIndex: number;
  /** The record of one ref. */
  find(key: string, options?: OperationOptions): Promise<TableRef | undefined>;
  /** Refs in batches, none of them empty. */
  refs(query?: TableQuery): AsyncIterable<readonly TableRef[]>;
  /** The same in runs that are not decoded where they need not be, for who tells many; of what is gone some may be among them. */
  runs(query?: TableQuery): AsyncIterable<RefRun>;
  /** Log entries in batches, none of them empty: ref by ref, newest first. */
  logs(query?: TableQuery): AsyncIterable<readonly TableLog[]>;
  /** The log entries of one ref, newest first. */
  log(key: string, options?: OperationOptions): AsyncIterable<readonly TableLog[]>;
}

/** An open table, read where it lies. */
export interface OpenTable extends RefRecords {
  readonly sizeBytes: number;
}

/** Keeps blocks by their position in one table; a partition of a `ByteCache` is one. */
export interface TableBlockCache {
  get(position: number): TableBlock | undefined;
  set(position: number, block: TableBlock, bytes: number): void;
}

export interface OpenTableOptions extends OperationOptions {
  /** What errors call the table: a path, or a key. */
  readonly key?: string | undefined;
  /** Where lookups keep the blocks they read; listings pass it by. Default: nowhere. */
  readonly cache?: TableBlockCache | undefined;
  /** What the first read takes, from the table's end, and the table keeps. It spares reads of the indexes that lie there. Default 64 KiB. */
  readonly tailBytes?: number | undefined;
  /** What listings read at a time. Default 256 KiB. */
  readonly readAheadBytes?: number | undefined;
}

/** What the first read of a block takes where tables do not tell the size of theirs. */
const GUESSED_BLOCK_BYTES = 4096;
/** Deflate lets content that it cannot shrink grow by no more than this, and a part in a thousand. */
const DEFLATE_SLACK_BYTES = 64;
/** Levels of an index; each has a hundred times as many blocks as the one above it. */
const MAX_LEVELS = 16;

/**
 * Opens a table (git's technical/reftable, versions 1 and 2), which takes one read; looking up a ref takes one for each
 * level of its index that lies further from the end than `tailBytes`, and one for its block.
 * Throws `STORAGE_CORRUPT`, and what `source` throws.
 */
export async function openTable(source: RandomAccess, options: OpenTableOptions = {}): Promise<OpenTable> {
  const { key: name } = options;
  const table = await namingTable(name, () => open(source, options));
  if (name === undefined) return table;
  return {
    ...table,
    find: (key, read) => namingTable(name, () => table.find(key, read)),
    refs: (query) => namingTableOf(name, table.refs(query)),
    runs: (query) => namingTableOf(name, namedRuns(name, table.runs(query))),
    logs: (query) => namingTableOf(name, table.logs(query)),
    log: (key, read) => namingTableOf(name, table.log(key, read)),
  };
}

async function open(source: RandomAccess, options: OpenTableOptions): Promise<OpenTable> {
  const { tailBytes = 64 * 1024, readAheadBytes = 256 * 1024, cache, signal } = options;
  const { sizeBytes } = source;
  const tailStart = Math.max(0, sizeBytes - Math.max(tailBytes, MAX_FOOTER_BYTES));
  const tail = asBuffer(await source.read(tailStart, sizeBytes - tailStart, { signal }));
  if (tail.length !== sizeBytes - tailStart) throw corruptTable("it has become shorter");
  const footer = decodeFooter(tail, sizeBytes);
  const blockGuess = footer.blockBytes === 0 ? GUESSED_BLOCK_BYTES : footer.blockBytes;

  /** Bytes of the table from `at` on, as many as are asked for unless the blocks end there. */
  const readBytes = async (at: number, length: number, read: OperationOptions): Promise<Buffer> => {
    const end = Math.min(at + length, footer.end);
    if (at >= tailStart) return tail.subarray(at - tailStart, Math.max(at, end) - tailStart);
    const bytes = asBuffer(await source.read(at, end - at, read));
    if (bytes.length !== end - at) throw corruptTable("it has become shorter");
    return bytes;
  };

  /** The block read last, so that what leads to a block and what reads on from there read it once. */
  let last: { readonly position: number; readonly block: TableBlock } | undefined;
  const knownBlock = (position: number): TableBlock | undefined =>
    last?.position === position ? last.block : cache?.get(position);

  const readBlock = async (position: number, read: OperationOptions): Promise<TableBlock> => {
    const known = knownBlock(position);
    if (known !== undefined) return known;
    const window = await readBytes(position, blockGuess, read);
    const block = await blockIn(window, position, read);
    last = { position, block };
    cache?.set(position, block, block.bytes.length);
    return block;
  };

  /** The block at the start of `window`, which is read further where the block does not end in it. */
  const blockIn = async (window: Buffer, position: number, read: OperationOptions): Promise<TableBlock> => {
    const needed = bytesNeeded(window, position, footer);
    const whole = needed <= window.length ? window : await readBytes(position, needed, read);
    return decodeBlock(whole, position, footer);
  };

  /** The blocks of one kind that follow each other from `position` on. */
  async function* blocksFrom(
    position: number,
    type: number,
    read: OperationOptions,
  ): AsyncGenerator<TableBlock> {
    let windowStart = position;
    let window: Buffer = Buffer.alloc(0);
    // Whoever wants one block reads no more than it, whoever goes on reads more each time.
    let step = blockGuess;
    for (let at = position; at < footer.end; ) {
      read.signal?.throwIfAborted();
      let block = knownBlock(at);
      if (block === undefined) {
        let left = window.subarray(Math.min(window.length, at - windowStart));
        if (
          left.length < BLOCK_HEADER_BYTES + footer.headerBytes ||
          left.length < bytesNeeded(left, at, footer)
        ) {
          left = await readBytes(at, step, read);
          window = left;
          windowStart = at;
          step = Math.max(step, Math.min(step * 4, readAheadBytes));
        }
        if (left.length === 0 || left[at === 0 ? footer.headerBytes : 0] !== type) return;
        block = await blockIn(left, at, read);
      }
      if (block.type !== type) return;
      yield block;
      at = block.next;
    }
  }

  /** Where to start looking for `key`: at the block of a section that holds it, as its index tells, or at the section's first. */
  const locate = async (
    section: { readonly start: number; readonly index: number },
    key: string,
    read: OperationOptions,
  ): Promise<number | undefined> => {
    if (footer.end <= footer.headerBytes) return undefined;
    if (section.index === 0 || key === "") return section.start;
    let level = section.index;
    for (let depth = 0; depth < MAX_LEVELS; depth++) {
      let child: number | undefined;
      // The topmost level may have several blocks.
      for (let at = level; child === undefined && at < footer.end; ) {
        const block = await readBlock(at, read);
        if (block.type !== INDEX_BLOCK) {
          return at === level ? level : undefined;
        }
        child = findChild(block, key);
        if (child !== undefined && child >= at) throw corruptTable("an index that points past itself");
        at = block.next;
      }
      if (child === undefined) return undefined;
      level = child;
    }
    throw corruptTable("an index of too many levels");
  };

  const refSection = { start: 0, index: footer.refIndex };
  const logSection = { start: footer.logs, index: footer.logIndex };

  async function* runs({ prefix = "", signal: stop }: TableQuery = {}): AsyncGenerator<RefRun> {
    const read = { signal: stop };
    const start = await locate(refSection, prefix, read);
    if (start === undefined) return;
    let lastKey = "";
    for await (const block of blocksFrom(start, REF_BLOCK, read)) {
      let run = blockRun(block, footer.format, footer.minUpdateIndex);
      if (lastKey !== "" && run.first <= lastKey) throw corruptTable("keys do not ascend");
      lastKey = run.last;
      if (run.last < prefix) continue;
      if (run.first > prefix && !run.first.startsWith(prefix)) return;
      const isWhole = run.first >= prefix && run.last.startsWith(prefix);
      if (!isWhole) {
        const inside = run.refs().filter((ref) => ref.key.startsWith(prefix));
        if (inside.length === 0) continue;
        run = runOf(inside);
      }
      yield run;
      if (!lastKey.startsWith(prefix)) return;
    }
  }

  async function* refs({ prefix = "", signal: stop }: TableQuery = {}): AsyncGenerator<readonly TableRef[]> {
    const read = { signal: stop };
    const start = await locate(refSection, prefix, read);
    if (start === undefined) return;
    let from = prefix;
    let lastKey = "";
    for await (const block of blocksFrom(start, REF_BLOCK, read)) {
      const batch = readRefs(block, footer.format, footer.minUpdateIndex, from);
      const first = batch[0];
      if (first === undefined) continue;
      if (lastKey !== "" && first.key <= lastKey) throw corruptTable("keys do not ascend");
      from = "";
      lastKey = batch.at(-1)!.key;
      const inside = countWithPrefix(batch, prefix);
      if (inside > 0) yield inside === batch.length ? batch : batch.slice(0, inside);
      if (inside < batch.length) return;
    }
  }

  async function* logsFrom(
    from: string,
    wanted: (log: TableLog) => boolean,
    read: OperationOptions,
  ): AsyncGenerator<readonly TableLog[]> {
    const start = await locate(logSection, from, read);
    if (start === undefined) return;
    let seek = from;
    let lastKey = "";
    for await (const block of blocksFrom(start, LOG_BLOCK, read)) {
      const batch = readLogs(block, footer.format, seek);
      const first = batch[0];
      if (first === undefined) continue;
      const firstKey = logKey(first.key, first.updateIndex);
      if (lastKey !== "" && firstKey <= lastKey) throw corruptTable("keys do not ascend");
      seek = "";
      const end = batch.at(-1)!;
      lastKey = logKey(end.key, end.updateIndex);
      const stop = batch.findIndex((log) => !wanted(log));
      if (stop !== 0) yield stop < 0 ? batch : batch.slice(0, stop);
      if (stop >= 0) return;
    }
  }

  return {
    sizeBytes,
    format: footer.format,
    minUpdateIndex: footer.minUpdateIndex,
    maxUpdateIndex: footer.maxUpdateIndex,
    async find(key, read = {}) {
      const start = await locate(refSection, key, read);
      if (start === undefined) return undefined;
      for (let at = start; at < footer.end; ) {
        read.signal?.throwIfAborted();
        const block = await readBlock(at, read);
        if (block.type !== REF_BLOCK) return undefined;
        const found = readRefs(block, footer.format, footer.minUpdateIndex, key)[0];
        if (found !== undefined) return found.key === key ? found : undefined;
        at = block.next;
      }
      return undefined;
    },
    refs,
    runs,
    logs: ({ prefix = "", signal: stop } = {}) =>
      logsFrom(prefix, (log) => log.key.startsWith(prefix), { signal: stop }),
    log: (key, read = {}) => logsFrom(`${key}\0`, (log) => log.key === key, read),
  };
}

/** Runs that name the table in what they throw when they are decoded. */
async function* namedRuns(name: string, runs: AsyncIterable<RefRun>): AsyncGenerator<RefRun> {
  for await (const run of runs) {
    const { first, last } = run;
    yield { first, last, refs: () => naming(name, run.refs), lines: () => naming(name, run.lines) };
  }
}

function countWithPrefix(refs: readonly TableRef[], prefix: string): number {
  if (refs.at(-1)!.key.startsWith(prefix)) return refs.length;
  const end = refs.findIndex((ref) => !ref.key.startsWith(prefix));
  return end < 0 ? refs.length : end;
}

/** How many bytes hold the block at the start of `window`, at most; throws where it cannot be one. */
function bytesNeeded(window: Buffer, position: number, footer: TableFooter): number {
  const start = position === 0 ? footer.headerBytes : 0;
  const left = footer.end - position;
  if (left < start + BLOCK_HEADER_BYTES) throw corruptTable("a block that is cut off");
  if (window.length < start + BLOCK_HEADER_BYTES) return start + BLOCK_HEADER_BYTES;
  const length = window.readUIntBE(start + 1, 3);
  if (window[start] === LOG_BLOCK)
    return Math.min(left, length + Math.ceil(length / 1000) + DEFLATE_SLACK_BYTES);
  if (length > left) throw corruptTable("a block goes past the end");
  return Math.min(left, Math.max(length, footer.blockBytes));
}

function decodeBlock(window: Buffer, position: number, footer: TableFooter): TableBlock {
  const start = position === 0 ? footer.headerBytes : 0;
  if (position === 0 && !window.subarray(0, start).equals(footer.header)) {
    throw corruptTable("the header is not what the footer says");
  }
  const length = window.readUIntBE(start + 1, 3);
  const records = start + BLOCK_HEADER_BYTES;
  if (length < records) throw corruptTable("a block shorter than its header");
  if (window[start] === LOG_BLOCK) {
    const { content, consumed } = inflateRecords(window, records, length - records);
    const bytes = Buffer.concat([window.subarray(0, records), content]);
    return openBlock(bytes, start, position + records + consumed);
  }
  // What follows a shorter block is padding, unless blocks are not aligned.
  const { blockBytes } = footer;
  const isPadded = length < blockBytes && window.length >= blockBytes && window[length] === 0;
  const next = position + (isPadded ? blockBytes : length);
  // A copy, so that a block that is kept does not keep what was read around it.
  return openBlock(Buffer.from(window.subarray(0, length)), start, next);
}

function inflateRecords(
  window: Buffer,
  start: number,
  sizeBytes: number,
): { content: Uint8Array; consumed: number } {
  try {
    const inflated = inflateWhole(window, start, sizeBytes);
    if (inflated !== "truncated") return inflated;
  } catch (error) {
    if (!(error instanceof PackError)) throw error;
    throw new StorageError("STORAGE_CORRUPT", "ref table: a log block does not inflate", { cause: error });
  }
  throw corruptTable("a log block that is cut off");
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

import { constants, deflateSync } from "node:zlib";
import { BLOCK_HEADER_BYTES, LOG_BLOCK } from "./table-layout.ts";
import { MAX_VARINT_BYTES, writeVarint } from "./varint.ts";

const MAX_RESTARTS = 0xffff;

/** Fills one block at a time, of at most `blockBytes`, with records in the order of their keys. */
export interface BlockWriter {
  readonly type: number;
  readonly entries: number;
  /** The key of the last record. */
  readonly lastKey: string;
  /** `false` where the record does not fit; nothing is added then. */
  add(key: string, kind: number, value: Uint8Array): boolean;
  /** The finished block, `start` bytes left free at its front; a log block is deflated. */
  finish(): Buffer;
}

export interface BlockWriterOptions {
  readonly type: number;
  readonly blockBytes: number;
  /** Where the block's own header goes: behind the table's in the first block. */
  readonly start: number;
  /** A key stands in full at least every so many records. */
  readonly restartInterval: number;
}

/** Starts a block (reftable, "block format"). */
export function createBlockWriter(options: BlockWriterOptions): BlockWriter {
  const { type, blockBytes, start, restartInterval } = options;
  const bytes = Buffer.alloc(blockBytes);
  const restarts: number[] = [];
  const head = Buffer.alloc(2 * MAX_VARINT_BYTES);
  let at = start + BLOCK_HEADER_BYTES;
  let lastKey = "";
  let entries = 0;
  bytes[start] = type;
  return {
    type,
    get entries() {
      return entries;
    },
    get lastKey() {
      return lastKey;
    },
    add(key, kind, value) {
      const shared = entries % restartInterval === 0 ? 0 : sharedLength(lastKey, key);
      const suffixLength = key.length - shared;
      const headLength = writeVarint(suffixLength * 8 + kind, head, writeVarint(shared, head, 0));
      const length = headLength + suffixLength + value.length;
      const isRestart = shared === 0 && restarts.length < MAX_RESTARTS;
      const tailLength = 2 + 3 * (restarts.length + (isRestart ? 1 : 0));
      if (length + tailLength > blockBytes - at) return false;
      if (isRestart) restarts.push(at);
      head.copy(bytes, at, 0, headLength);
      bytes.write(shared === 0 ? key : key.slice(shared), at + headLength, "latin1");
      bytes.set(value, at + headLength + suffixLength);
      at += length;
      lastKey = key;
      entries++;
      return true;
    },
    finish() {
      for (const restart of restarts) at = bytes.writeUIntBE(restart, at, 3);
      at = bytes.writeUInt16BE(restarts.length, at);
      bytes.writeUIntBE(at, start + 1, 3);
      if (type !== LOG_BLOCK) return bytes.subarray(0, at);
      const records = start + BLOCK_HEADER_BYTES;
      const deflated = deflateSync(bytes.subarray(records, at), { level: constants.Z_BEST_COMPRESSION });
      return Buffer.concat([bytes.subarray(0, records), deflated]);
    },
  };
}

/** How many characters two keys start with in common. */
export function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

import type { Attributes, DirectoryEntry, Entry, FileSystemStatistics } from "./types.ts";

/** Bytes of `fuse_out_header`, which every answer begins with. */
export const OUT_HEADER_BYTES = 16;
const ATTRIBUTES_BYTES = 88;
/** Bytes of `fuse_entry_out`. */
export const ENTRY_BYTES: number = 40 + ATTRIBUTES_BYTES;
const OPEN_BYTES = 16;

/** Out of the pool: memory of its own costs small messages more than all else that is done for them. */
function zeroed(bytes: number): Buffer {
  return Buffer.allocUnsafe(bytes).fill(0);
}

function putU64(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value >>> 0, at);
  // Floor and not truncation: times before 1970 go out in two's complement.
  target.writeUInt32LE(Math.floor(value / 0x1_0000_0000) >>> 0, at + 4);
}

/**
 * An answer with room for `bodyBytes` behind its header; `extraBytes` follow in the same write but lie elsewhere.
 * @param errno 0, or the error number as it stands in `errno.h` (positive)
 */
export function reply(
  uniqueLow: number,
  uniqueHigh: number,
  errno: number,
  bodyBytes = 0,
  extraBytes = 0,
): Buffer {
  const message = zeroed(OUT_HEADER_BYTES + bodyBytes);
  message.writeUInt32LE(message.length + extraBytes, 0);
  message.writeInt32LE(-errno, 4);
  message.writeUInt32LE(uniqueLow, 8);
  message.writeUInt32LE(uniqueHigh, 12);
  return message;
}

function putAttributes(target: Buffer, at: number, attributes: Attributes): void {
  putU64(target, at, attributes.ino);
  putU64(target, at + 8, attributes.sizeBytes);
  putU64(target, at + 16, attributes.blocks);
  putU64(target, at + 24, attributes.atime.seconds);
  putU64(target, at + 32, attributes.mtime.seconds);
  putU64(target, at + 40, attributes.ctime.seconds);
  target.writeUInt32LE(attributes.atime.nanoseconds, at + 48);
  target.writeUInt32LE(attributes.mtime.nanoseconds, at + 52);
  target.writeUInt32LE(attributes.ctime.nanoseconds, at + 56);
  target.writeUInt32LE(attributes.mode, at + 60);
  target.writeUInt32LE(attributes.nlink, at + 64);
  target.writeUInt32LE(attributes.uid, at + 68);
  target.writeUInt32LE(attributes.gid, at + 72);
  target.writeUInt32LE(attributes.rdev, at + 76);
  target.writeUInt32LE(attributes.blockSizeBytes, at + 80);
  target.writeUInt32LE(0, at + 84);
}

/** A timeout as the kernel has it: seconds at `at`, nanoseconds elsewhere. */
function putTimeout(target: Buffer, at: number, nanosecondsAt: number, milliseconds: number): void {
  putU64(target, at, Math.floor(milliseconds / 1000));
  target.writeUInt32LE(Math.floor((milliseconds % 1000) * 1e6), nanosecondsAt);
}

/** Writes `fuse_entry_out`; a name that does not exist has node id 0 and may be remembered for `negativeTimeoutMs`. */
export function putEntry(target: Buffer, at: number, entry: Entry | undefined, negativeTimeoutMs = 0): void {
  target.fill(0, at, at + ENTRY_BYTES);
  putTimeout(target, at + 16, at + 32, entry?.entryTimeoutMs ?? negativeTimeoutMs);
  if (entry === undefined) return;
  putU64(target, at, entry.nodeId);
  putU64(target, at + 8, entry.generation ?? 0);
  putTimeout(target, at + 24, at + 36, entry.attributesTimeoutMs);
  putAttributes(target, at + 40, entry.attributes);
}

/** Writes `fuse_open_out`. */
export function putOpen(target: Buffer, at: number, handle: number, flags: number, backingId = 0): void {
  putU64(target, at, handle);
  target.writeUInt32LE(flags, at + 8);
  target.writeInt32LE(backingId, at + 12);
}

/** `fuse_entry_out`. */
export function entryBody(entry: Entry | undefined, negativeTimeoutMs: number): Buffer {
  const body = zeroed(ENTRY_BYTES);
  putEntry(body, 0, entry, negativeTimeoutMs);
  return body;
}

/** `fuse_attr_out`. */
export function attributesBody(attributes: Attributes, timeoutMs: number): Buffer {
  const body = zeroed(16 + ATTRIBUTES_BYTES);
  putTimeout(body, 0, 8, timeoutMs);
  putAttributes(body, 16, attributes);
  return body;
}

/** `fuse_open_out`. */
export function openBody(handle: number, flags: number, backingId = 0): Buffer {
  const body = zeroed(OPEN_BYTES);
  putOpen(body, 0, handle, flags, backingId);
  return body;
}

/** `fuse_entry_out` and `fuse_open_out`, the answer to CREATE. */
export function createBody(entry: Entry, handle: number, flags: number, backingId = 0): Buffer {
  const body = zeroed(ENTRY_BYTES + OPEN_BYTES);
  putEntry(body, 0, entry);
  putOpen(body, ENTRY_BYTES, handle, flags, backingId);
  return body;
}

/** One number of 32 bits and padding: `fuse_write_out` and `fuse_getxattr_out`. */
export function countBody(count: number): Buffer {
  const body = zeroed(8);
  body.writeUInt32LE(count, 0);
  return body;
}

/** `fuse_lseek_out`. */
export function offsetBody(offset: number): Buffer {
  const body = zeroed(8);
  putU64(body, 0, offset);
  return body;
}

/** `fuse_statfs_out`. */
export function statfsBody(statistics: FileSystemStatistics): Buffer {
  const body = Buffer.alloc(80);
  putU64(body, 0, statistics.blocks);
  putU64(body, 8, statistics.freeBlocks);
  putU64(body, 16, statistics.availableBlocks);
  putU64(body, 24, statistics.files);
  putU64(body, 32, statistics.freeFiles);
  body.writeUInt32LE(statistics.blockSizeBytes, 40);
  body.writeUInt32LE(statistics.maxNameBytes, 44);
  body.writeUInt32LE(statistics.blockSizeBytes, 48);
  return body;
}

/**
 * Puts directory entries (`fuse_dirent`, with `plus` `fuse_direntplus`) into a body of at most `maxBytes`.
 * @returns the body, and how many of the entries are in it: the rest is asked for again
 */
export function directoryBody(
  entries: Iterable<DirectoryEntry>,
  maxBytes: number,
  plus: boolean,
): { body: Buffer; count: number } {
  const body = Buffer.alloc(maxBytes);
  let at = 0;
  let count = 0;
  for (const { name, ino, mode, nextOffset, entry } of entries) {
    const start = plus ? at + ENTRY_BYTES : at;
    const end = start + ((24 + name.length + 7) & ~7);
    if (end > maxBytes) break;
    // Node id 0 tells the kernel to look the name up when it wants it: that is what is here already.
    if (entry !== undefined && plus) putEntry(body, at, entry);
    putU64(body, start, ino);
    putU64(body, start + 8, nextOffset);
    body.writeUInt32LE(name.length, start + 16);
    body.writeUInt32LE((mode >>> 12) & 15, start + 20);
    body.write(name, start + 24, "latin1");
    at = end;
    count++;
  }
  return { body: body.subarray(0, at), count };
}

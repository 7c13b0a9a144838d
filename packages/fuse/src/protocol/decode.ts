import { FuseError } from "../errors.ts";
import { INIT_FLAG, OPCODE, SET } from "./constants.ts";
import { Cursor } from "./cursor.ts";
import type { Time } from "./types.ts";

/** Bytes of `fuse_in_header`. */
export const IN_HEADER_BYTES = 40;

/** `fuse_in_header`: who asks for what. */
export interface RequestHeader {
  readonly opcode: number;
  /** The request's number as two words, which the answer carries back; together below 2^53. */
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  readonly nodeId: number;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** What SETATTR asks to change. */
export interface AttributeChange {
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly sizeBytes?: number | undefined;
  readonly atime?: Time | "now" | undefined;
  readonly mtime?: Time | "now" | undefined;
  readonly ctime?: Time | undefined;
  /** The handle that the change comes through (`ftruncate`). */
  readonly handle?: number | undefined;
  /** Clear set-user-id and set-group-id bits, since a caller without the right to keep them truncates. */
  readonly killPrivileges: boolean;
}

/** The body of a request, by kind. */
export type RequestBody =
  | {
      readonly op: "init";
      readonly major: number;
      readonly minor: number;
      readonly maxReadaheadBytes: number;
      readonly flags: number;
      readonly flags2: number;
    }
  | { readonly op: "lookup" | "unlink" | "rmdir" | "removexattr"; readonly name: string }
  | { readonly op: "forget"; readonly nodes: readonly { readonly nodeId: number; readonly count: number }[] }
  | { readonly op: "getattr"; readonly handle: number | undefined }
  | { readonly op: "setattr"; readonly change: AttributeChange }
  | { readonly op: "readlink" | "statfs" | "destroy" }
  | { readonly op: "symlink"; readonly name: string; readonly target: string }
  | { readonly op: "mknod"; readonly name: string; readonly mode: number; readonly rdev: number }
  | { readonly op: "mkdir"; readonly name: string; readonly mode: number }
  | {
      readonly op: "rename";
      readonly name: string;
      readonly newParent: number;
      readonly newName: string;
      readonly flags: number;
    }
  | { readonly op: "link"; readonly target: number; readonly name: string }
  | { readonly op: "open" | "opendir"; readonly flags: number }
  | { readonly op: "create"; readonly name: string; readonly mode: number; readonly flags: number }
  | {
      readonly op: "read" | "readdir" | "readdirplus";
      readonly handle: number;
      readonly offset: number;
      readonly sizeBytes: number;
    }
  | {
      readonly op: "write";
      readonly handle: number;
      readonly offset: number;
      readonly data: Uint8Array;
      readonly writeFlags: number;
    }
  | { readonly op: "flush" | "release" | "releasedir"; readonly handle: number }
  | { readonly op: "fsync" | "fsyncdir"; readonly handle: number; readonly dataOnly: boolean }
  | { readonly op: "setxattr"; readonly name: string; readonly value: Uint8Array; readonly flags: number }
  | { readonly op: "getxattr"; readonly name: string; readonly sizeBytes: number }
  | { readonly op: "listxattr"; readonly sizeBytes: number }
  | { readonly op: "access"; readonly mask: number }
  | { readonly op: "interrupt"; readonly unique: number }
  | { readonly op: "lseek"; readonly handle: number; readonly offset: number; readonly whence: number }
  | {
      readonly op: "fallocate";
      readonly handle: number;
      readonly offset: number;
      readonly lengthBytes: number;
      readonly mode: number;
    }
  | {
      readonly op: "copyFileRange";
      readonly handle: number;
      readonly offset: number;
      readonly targetNode: number;
      readonly targetHandle: number;
      readonly targetOffset: number;
      readonly lengthBytes: number;
    }
  | { readonly op: "unknown" };

/**
 * Reads the header of one message, as a read of /dev/fuse returned it.
 * @throws FuseError FUSE_SHORT_MESSAGE, or FUSE_BAD_MESSAGE where its length is not the one it tells.
 */
export function decodeHeader(message: Uint8Array): RequestHeader {
  const cursor = new Cursor(message);
  const length = cursor.u32();
  const opcode = cursor.u32();
  const uniqueLow = cursor.u32();
  const uniqueHigh = cursor.u32();
  const nodeId = cursor.id();
  const header = {
    opcode,
    uniqueLow,
    uniqueHigh,
    nodeId,
    uid: cursor.u32(),
    gid: cursor.u32(),
    pid: cursor.u32(),
  };
  cursor.skip(4);
  if (length > message.length)
    throw new FuseError("FUSE_SHORT_MESSAGE", `A message of ${length} bytes came as ${message.length}`);
  if (length < message.length)
    throw new FuseError("FUSE_BAD_MESSAGE", `A message of ${length} bytes came as ${message.length}`);
  return header;
}

/**
 * Reads the body of a message whose header says `opcode`. Views in it (`data`, `value`) are valid as long as the message's memory.
 * @throws FuseError FUSE_SHORT_MESSAGE, FUSE_BAD_MESSAGE
 */
export function decodeBody(opcode: number, message: Uint8Array): RequestBody {
  const cursor = new Cursor(message, IN_HEADER_BYTES);
  switch (opcode) {
    case OPCODE.INIT: {
      const major = cursor.u32();
      const minor = cursor.u32();
      const maxReadaheadBytes = cursor.u32();
      const flags = cursor.u32();
      const flags2 = (flags & INIT_FLAG.INIT_EXT) === 0 ? 0 : cursor.u32();
      return { op: "init", major, minor, maxReadaheadBytes, flags, flags2 };
    }
    case OPCODE.LOOKUP:
      return { op: "lookup", name: cursor.name() };
    case OPCODE.UNLINK:
      return { op: "unlink", name: cursor.name() };
    case OPCODE.RMDIR:
      return { op: "rmdir", name: cursor.name() };
    case OPCODE.REMOVEXATTR:
      return { op: "removexattr", name: cursor.name() };
    case OPCODE.FORGET:
      return { op: "forget", nodes: [{ nodeId: new Cursor(message, 16).id(), count: cursor.id() }] };
    case OPCODE.BATCH_FORGET:
      return batchForget(cursor, message.length);
    case OPCODE.GETATTR: {
      const withHandle = (cursor.u32() & 1) !== 0;
      cursor.skip(4);
      const handle = cursor.id();
      return { op: "getattr", handle: withHandle ? handle : undefined };
    }
    case OPCODE.SETATTR:
      return { op: "setattr", change: attributeChange(cursor) };
    case OPCODE.READLINK:
      return { op: "readlink" };
    case OPCODE.STATFS:
      return { op: "statfs" };
    case OPCODE.DESTROY:
      return { op: "destroy" };
    case OPCODE.SYMLINK:
      return { op: "symlink", name: cursor.name(), target: cursor.name() };
    case OPCODE.MKNOD: {
      const mode = cursor.u32();
      const rdev = cursor.u32();
      cursor.skip(8);
      return { op: "mknod", mode, rdev, name: cursor.name() };
    }
    case OPCODE.MKDIR: {
      const mode = cursor.u32();
      cursor.skip(4);
      return { op: "mkdir", mode, name: cursor.name() };
    }
    case OPCODE.RENAME:
      return { op: "rename", newParent: cursor.id(), flags: 0, name: cursor.name(), newName: cursor.name() };
    case OPCODE.RENAME2: {
      const newParent = cursor.id();
      const flags = cursor.u32();
      cursor.skip(4);
      return { op: "rename", newParent, flags, name: cursor.name(), newName: cursor.name() };
    }
    case OPCODE.LINK:
      return { op: "link", target: cursor.id(), name: cursor.name() };
    case OPCODE.ACCESS:
      return { op: "access", mask: cursor.u32() };
    case OPCODE.INTERRUPT:
      return { op: "interrupt", unique: cursor.id() };
    default:
      return fileBody(opcode, cursor);
  }
}

/** The requests about something open, and extended attributes. */
function fileBody(opcode: number, cursor: Cursor): RequestBody {
  switch (opcode) {
    case OPCODE.OPEN:
      return { op: "open", flags: cursor.u32() };
    case OPCODE.OPENDIR:
      return { op: "opendir", flags: cursor.u32() };
    case OPCODE.CREATE: {
      const flags = cursor.u32();
      const mode = cursor.u32();
      cursor.skip(8);
      return { op: "create", flags, mode, name: cursor.name() };
    }
    case OPCODE.READ:
      return { op: "read", handle: cursor.id(), offset: cursor.size(), sizeBytes: cursor.u32() };
    case OPCODE.READDIR:
      return { op: "readdir", handle: cursor.id(), offset: cursor.size(), sizeBytes: cursor.u32() };
    case OPCODE.READDIRPLUS:
      return { op: "readdirplus", handle: cursor.id(), offset: cursor.size(), sizeBytes: cursor.u32() };
    case OPCODE.WRITE: {
      const handle = cursor.id();
      const offset = cursor.size();
      const length = cursor.u32();
      const writeFlags = cursor.u32();
      cursor.skip(16);
      return { op: "write", handle, offset, writeFlags, data: cursor.bytes(length) };
    }
    case OPCODE.FLUSH:
      return { op: "flush", handle: cursor.id() };
    case OPCODE.RELEASE:
      return { op: "release", handle: cursor.id() };
    case OPCODE.RELEASEDIR:
      return { op: "releasedir", handle: cursor.id() };
    case OPCODE.FSYNC:
      return { op: "fsync", handle: cursor.id(), dataOnly: (cursor.u32() & 1) !== 0 };
    case OPCODE.FSYNCDIR:
      return { op: "fsyncdir", handle: cursor.id(), dataOnly: (cursor.u32() & 1) !== 0 };
    case OPCODE.SETXATTR: {
      const length = cursor.u32();
      const flags = cursor.u32();
      return { op: "setxattr", flags, name: cursor.name(), value: cursor.bytes(length) };
    }
    case OPCODE.GETXATTR: {
      const sizeBytes = cursor.u32();
      cursor.skip(4);
      return { op: "getxattr", sizeBytes, name: cursor.name() };
    }
    case OPCODE.LISTXATTR:
      return { op: "listxattr", sizeBytes: cursor.u32() };
    case OPCODE.LSEEK:
      return { op: "lseek", handle: cursor.id(), offset: cursor.signed(), whence: cursor.u32() };
    case OPCODE.FALLOCATE:
      return {
        op: "fallocate",
        handle: cursor.id(),
        offset: cursor.size(),
        lengthBytes: cursor.size(),
        mode: cursor.u32(),
      };
    case OPCODE.COPY_FILE_RANGE:
      return {
        op: "copyFileRange",
        handle: cursor.id(),
        offset: cursor.size(),
        targetNode: cursor.id(),
        targetHandle: cursor.id(),
        targetOffset: cursor.size(),
        lengthBytes: cursor.size(),
      };
    default:
      return { op: "unknown" };
  }
}

function batchForget(cursor: Cursor, messageBytes: number): RequestBody {
  const count = cursor.u32();
  cursor.skip(4);
  // Before anything is allocated: the count is the message's word only.
  if (count * 16 > messageBytes - IN_HEADER_BYTES - 8)
    throw new FuseError("FUSE_SHORT_MESSAGE", `${count} nodes to forget exceed the message`);
  const nodes: { nodeId: number; count: number }[] = [];
  for (let i = 0; i < count; i++) nodes.push({ nodeId: cursor.id(), count: cursor.id() });
  return { op: "forget", nodes };
}

function attributeChange(cursor: Cursor): AttributeChange {
  const valid = cursor.u32();
  cursor.skip(4);
  const handle = cursor.id();
  const sizeBytes = cursor.size();
  cursor.skip(8);
  const seconds = [cursor.signed(), cursor.signed(), cursor.signed()] as const;
  const nanoseconds = [cursor.u32(), cursor.u32(), cursor.u32()] as const;
  const mode = cursor.u32();
  cursor.skip(4);
  const uid = cursor.u32();
  const gid = cursor.u32();
  cursor.skip(4);
  const when = (which: 0 | 1 | 2, bit: number, nowBit: number): Time | "now" | undefined => {
    if ((valid & nowBit) !== 0) return "now";
    return (valid & bit) === 0 ? undefined : { seconds: seconds[which], nanoseconds: nanoseconds[which] };
  };
  return {
    handle: (valid & SET.FH) === 0 ? undefined : handle,
    mode: (valid & SET.MODE) === 0 ? undefined : mode,
    uid: (valid & SET.UID) === 0 ? undefined : uid,
    gid: (valid & SET.GID) === 0 ? undefined : gid,
    sizeBytes: (valid & SET.SIZE) === 0 ? undefined : sizeBytes,
    atime: when(0, SET.ATIME, SET.ATIME_NOW),
    mtime: when(1, SET.MTIME, SET.MTIME_NOW),
    ctime: when(2, SET.CTIME, 0) as Time | undefined,
    killPrivileges: (valid & SET.KILL_SUIDGID) !== 0,
  };
}

import { MountError } from "../errors.ts";
import { type OverlayEntry, type OverlayNode, type Time, WHITEOUT } from "./row.ts";

/** Of the first byte of a key. */
const [META, ENTRY, NODE, CONTENT] = [0, 1, 2, 3];
const VERSION = 1;
/** An id's bytes in a key, highest first, so that the rows of one directory lie together, by name. */
const ID_BYTES = 6;
/** Optional fields of a node, by bit. */
const FIELDS = {
  ino: 1,
  uid: 2,
  gid: 4,
  atime: 8,
  mtime: 16,
  ctime: 32,
  size: 64,
  rdev: 128,
  target: 256,
  oid: 512,
  backing: 1024,
  parent: 2048,
  xattrs: 4096,
  changed: 8192,
  small: 16384,
} as const;

/** The one row that belongs to no node. */
export const META_KEY: Uint8Array = Buffer.of(META);

export function nodeKey(id: number): Buffer {
  return idKey(NODE, id);
}

/** Of the content of a node. */
export function contentKey(id: number): Buffer {
  return idKey(CONTENT, id);
}

function idKey(kind: number, id: number): Buffer {
  const key = Buffer.allocUnsafe(1 + ID_BYTES);
  key[0] = kind;
  key.writeUIntBE(id, 1, ID_BYTES);
  return key;
}

/** @param name bytes, one to a character; the empty one is before all others */
export function entryKey(directory: number, name: string): Buffer {
  const key = Buffer.allocUnsafe(1 + ID_BYTES + name.length);
  key[0] = ENTRY;
  key.writeUIntBE(directory, 1, ID_BYTES);
  key.write(name, 1 + ID_BYTES, "latin1");
  return key;
}

/** What a key names. @throws MountError MOUNT_OVERLAY_DAMAGED */
export function parseKey(
  key: Uint8Array,
): { directory: number; name: string } | { id: number } | { contentOf: number } {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  if (bytes.length > 1 + ID_BYTES && bytes[0] === ENTRY)
    return { directory: bytes.readUIntBE(1, ID_BYTES), name: bytes.toString("latin1", 1 + ID_BYTES) };
  if (bytes.length === 1 + ID_BYTES && bytes[0] === NODE) return { id: bytes.readUIntBE(1, ID_BYTES) };
  if (bytes.length === 1 + ID_BYTES && bytes[0] === CONTENT)
    return { contentOf: bytes.readUIntBE(1, ID_BYTES) };
  throw damaged("a key");
}

export function encodeEntry(entry: OverlayEntry): Buffer {
  if (entry.node === undefined) return Buffer.alloc(0);
  const bytes = Buffer.allocUnsafe(ID_BYTES);
  bytes.writeUIntBE(entry.node, 0, ID_BYTES);
  return bytes;
}

/** @throws MountError MOUNT_OVERLAY_DAMAGED */
export function decodeEntry(value: Uint8Array): OverlayEntry {
  if (value.length === 0) return WHITEOUT;
  if (value.length !== ID_BYTES) throw damaged("an entry");
  return { node: Buffer.from(value.buffer, value.byteOffset, ID_BYTES).readUIntBE(0, ID_BYTES) };
}

export function encodeNode(node: OverlayNode): Buffer {
  const writer = new Writer();
  writeNode(writer, node);
  return writer.done();
}

/** What `encodeNode` encodes, behind what a writer has. */
export function writeNode(writer: Writer, node: OverlayNode): void {
  const { ino, uid, gid, atime, mtime, ctime, sizeBytes, rdev, target, oid, backing, parent, xattrs } = node;
  writer.u8(VERSION);
  writer.u32(fieldsOf(node));
  writer.u32(node.mode);
  writer.u32(node.nlink);
  if (ino !== undefined) writer.f64(ino);
  if (uid !== undefined) writer.u32(uid);
  if (gid !== undefined) writer.u32(gid);
  for (const time of [atime, mtime, ctime]) {
    if (time === undefined) continue;
    writer.f64(time.seconds);
    writer.u32(time.nanoseconds);
  }
  if (sizeBytes !== undefined) writer.f64(sizeBytes);
  if (rdev !== undefined) writer.u32(rdev);
  for (const text of [target, oid, backing]) if (text !== undefined) writer.text(text);
  if (parent !== undefined) writer.f64(parent);
  if (xattrs !== undefined) {
    writer.u32(xattrs.size);
    for (const [name, value] of xattrs) {
      writer.bytes(Buffer.from(name, "latin1"));
      writer.bytes(value);
    }
  }
}

function fieldsOf(node: OverlayNode): number {
  let fields = node.isChanged ? FIELDS.changed : 0;
  if (node.ino !== undefined) fields |= FIELDS.ino;
  if (node.uid !== undefined) fields |= FIELDS.uid;
  if (node.gid !== undefined) fields |= FIELDS.gid;
  if (node.atime !== undefined) fields |= FIELDS.atime;
  if (node.mtime !== undefined) fields |= FIELDS.mtime;
  if (node.ctime !== undefined) fields |= FIELDS.ctime;
  if (node.sizeBytes !== undefined) fields |= FIELDS.size;
  if (node.rdev !== undefined) fields |= FIELDS.rdev;
  if (node.target !== undefined) fields |= FIELDS.target;
  if (node.oid !== undefined) fields |= FIELDS.oid;
  if (node.backing !== undefined) fields |= FIELDS.backing;
  if (node.parent !== undefined) fields |= FIELDS.parent;
  if (node.xattrs !== undefined) fields |= FIELDS.xattrs;
  if (node.isSmall) fields |= FIELDS.small;
  return fields;
}

/** @throws MountError MOUNT_OVERLAY_DAMAGED */
export function decodeNode(id: number, value: Uint8Array): OverlayNode {
  try {
    return decode(id, new Reader(value));
  } catch (cause) {
    throw cause instanceof RangeError ? damaged(`node ${id}`, cause) : cause;
  }
}

function decode(id: number, reader: Reader): OverlayNode {
  if (reader.u8() !== VERSION) throw damaged(`node ${id}`);
  const fields = reader.u32();
  const optional = <T>(bit: number, read: () => T): T | undefined =>
    (fields & bit) === 0 ? undefined : read();
  const number = (): number => reader.f64();
  const u32 = (): number => reader.u32();
  const text = (): string => reader.bytes().toString("latin1");
  const time = (): Time => ({ seconds: reader.f64(), nanoseconds: reader.u32() });
  const node: OverlayNode = {
    id,
    mode: reader.u32(),
    nlink: reader.u32(),
    ino: optional(FIELDS.ino, number),
    uid: optional(FIELDS.uid, u32),
    gid: optional(FIELDS.gid, u32),
    atime: optional(FIELDS.atime, time),
    mtime: optional(FIELDS.mtime, time),
    ctime: optional(FIELDS.ctime, time),
    sizeBytes: optional(FIELDS.size, number),
    rdev: optional(FIELDS.rdev, u32),
    target: optional(FIELDS.target, text),
    oid: optional(FIELDS.oid, text),
    backing: optional(FIELDS.backing, text),
    isSmall: (fields & FIELDS.small) === 0 ? undefined : true,
    parent: optional(FIELDS.parent, number),
    xattrs: optional(FIELDS.xattrs, () => {
      const xattrs = new Map<string, Uint8Array>();
      for (let left = reader.u32(); left > 0; left--) xattrs.set(text(), new Uint8Array(reader.bytes()));
      return xattrs;
    }),
    isChanged: (fields & FIELDS.changed) !== 0,
  };
  reader.end();
  return node;
}

/** A row that cannot be what was written. */
export function damaged(what: string, cause?: unknown): MountError {
  return new MountError("MOUNT_OVERLAY_DAMAGED", `the store of local changes is damaged: ${what}`, { cause });
}

/** Writes the key of a node or its content, as `bytes`. */
export function writeIdKey(writer: Writer, kind: "node" | "content", id: number): void {
  writer.u32(1 + ID_BYTES);
  writer.u8(kind === "node" ? NODE : CONTENT);
  writer.id(id);
}

/** Writes the key of an entry, as `bytes`. */
export function writeEntryKey(writer: Writer, directory: number, name: string): void {
  writer.u32(1 + ID_BYTES + name.length);
  writer.u8(ENTRY);
  writer.id(directory);
  writer.latin1(name);
}

/** Writes what `encodeEntry` encodes, as `bytes`. */
export function writeEntry(writer: Writer, { node }: OverlayEntry): void {
  writer.u32(node === undefined ? 0 : ID_BYTES);
  if (node !== undefined) writer.id(node);
}

/** What a writer that begins anew keeps. */
const MAX_KEPT_BYTES = 1 << 20;

/** Writes numbers (lowest byte first) and bytes with their length before them. */
export class Writer {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  u8(value: number): void {
    this.#room(1);
    this.#length = this.#buffer.writeUInt8(value, this.#length);
  }

  u32(value: number): void {
    this.#room(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
  }

  f64(value: number): void {
    this.#room(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  bytes(value: Uint8Array): void {
    this.u32(value.length);
    this.#room(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** Characters of one byte each, as `bytes`. */
  text(value: string): void {
    this.u32(value.length);
    this.latin1(value);
  }

  /** Characters of one byte each, without their length. */
  latin1(value: string): void {
    this.#room(value.length);
    this.#length += this.#buffer.write(value, this.#length, "latin1");
  }

  /** An id as in a key. */
  id(value: number): void {
    this.#room(ID_BYTES);
    this.#length = this.#buffer.writeUIntBE(value, this.#length, ID_BYTES);
  }

  /** What `write` writes, as `bytes`. */
  nested(write: () => void): void {
    this.u32(0);
    const start = this.#length;
    write();
    this.#buffer.writeUInt32LE(this.#length - start, start - 4);
  }

  /** Begins anew: what `done` has told is void. */
  reset(): void {
    this.#length = 0;
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(256);
  }

  done(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #room(length: number): void {
    const needed = this.#length + length;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Reads what `Writer` wrote. Throws a RangeError where it ends too early or too late. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  u8(): number {
    return this.#bytes.readUInt8((this.#at += 1) - 1);
  }

  u32(): number {
    return this.#bytes.readUInt32LE((this.#at += 4) - 4);
  }

  f64(): number {
    return this.#bytes.readDoubleLE((this.#at += 8) - 8);
  }

  /** A view. */
  bytes(): Buffer {
    const length = this.u32();
    if (length > this.#bytes.length - this.#at) throw new RangeError("it ends too early");
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }

  end(): void {
    if (!this.isAtEnd) throw new RangeError("it goes on");
  }
}

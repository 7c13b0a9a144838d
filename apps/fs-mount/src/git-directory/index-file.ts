import { createHash } from "node:crypto";
import { hashLength, type ObjectFormat, type Oid, writeOid } from "@millrace/pack";

/** A file as git's index has it. */
export interface IndexEntry {
  /** Bytes, one to a character, with slashes. */
  readonly path: string;
  /** As trees have it. */
  readonly mode: number;
  readonly oid: Oid;
  /** What `lstat` tells of it; without, git looks into the file when it wants to know whether it has changed. */
  readonly stat?: IndexStat | undefined;
}

export interface IndexStat {
  readonly ctime: IndexTime;
  readonly mtime: IndexTime;
  readonly ino: number;
  readonly sizeBytes: number;
  readonly uid: number;
  readonly gid: number;
}

/** A time, as `lstat` tells it. */
export interface IndexTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** A directory all of whose files are in the index as its tree has them (the extension `TREE`). */
export interface IndexTree {
  /** Its name within the one above; the root's is empty. */
  readonly name: string;
  readonly oid: Oid;
  /** Entries of the index below it. */
  entryCount: number;
  readonly subtrees: IndexTree[];
}

const FIXED_BYTES = 40;
const MAX_NAME_FLAG = 0xfff;

/**
 * Writes an index in version 2 (gitformat-index) with the trees that it agrees with.
 * @param entries in the order of their paths' bytes
 * @param root the trees; without, git reads them when it wants to know what is staged
 */
export function encodeIndex(
  entries: readonly IndexEntry[],
  root: IndexTree | undefined,
  format: ObjectFormat,
): Buffer {
  const idBytes = hashLength(format);
  const parts: Buffer[] = [];
  const header = Buffer.alloc(12);
  header.write("DIRC", "latin1");
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(entries.length, 8);
  parts.push(header);
  for (const { path, mode, oid, stat } of entries) {
    const usedBytes = FIXED_BYTES + idBytes + 2 + path.length;
    // One NUL at least, up to eight.
    const entry = Buffer.alloc(Math.floor(usedBytes / 8) * 8 + 8);
    if (stat !== undefined) {
      entry.writeUInt32BE(stat.ctime.seconds >>> 0, 0);
      entry.writeUInt32BE(stat.ctime.nanoseconds, 4);
      entry.writeUInt32BE(stat.mtime.seconds >>> 0, 8);
      entry.writeUInt32BE(stat.mtime.nanoseconds, 12);
      entry.writeUInt32BE(stat.ino % 0x1_0000_0000, 20);
      entry.writeUInt32BE(stat.uid, 28);
      entry.writeUInt32BE(stat.gid, 32);
      entry.writeUInt32BE(stat.sizeBytes % 0x1_0000_0000, 36);
    }
    entry.writeUInt32BE(mode, 24);
    writeOid(oid, entry, FIXED_BYTES);
    entry.writeUInt16BE(Math.min(path.length, MAX_NAME_FLAG), FIXED_BYTES + idBytes);
    entry.write(path, FIXED_BYTES + idBytes + 2, "latin1");
    parts.push(entry);
  }
  if (root !== undefined) {
    const trees = encodeTrees(root, idBytes);
    const extension = Buffer.alloc(8);
    extension.write("TREE", "latin1");
    extension.writeUInt32BE(trees.length, 4);
    parts.push(extension, trees);
  }
  const hash = createHash(format);
  for (const part of parts) hash.update(part);
  return Buffer.concat([...parts, hash.digest()]);
}

function encodeTrees(root: IndexTree, idBytes: number): Buffer {
  const parts: Buffer[] = [];
  const add = ({ name, oid, entryCount, subtrees }: IndexTree): void => {
    const id = Buffer.alloc(idBytes);
    writeOid(oid, id, 0);
    parts.push(Buffer.from(`${name}\0${entryCount} ${subtrees.length}\n`, "latin1"), id);
    for (const subtree of subtrees) add(subtree);
  };
  add(root);
  return Buffer.concat(parts);
}

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
  /** The working tree is not to have it (skip-worktree, of a sparse checkout). Default false. */
  readonly isSkipped?: boolean | undefined;
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
/** Two bytes of flags follow. */
const EXTENDED_FLAG = 0x4000;
const SKIP_WORKTREE_FLAG = 0x4000;

/** What an index knows of its entries beside them. */
export interface IndexKnowledge {
  /** The trees that it agrees with (the extension `TREE`); without, git reads them when it wants to know what is staged. */
  readonly trees?: IndexTree | undefined;
  /**
   * The moment in which all entries were what the working tree has, as core.fsmonitor names it (the extension `FSMN`): git asks what has
   * changed since, and looks at nothing else.
   */
  readonly fsmonitorToken?: string | undefined;
  /** Some entries may be skipped: that takes version 3. Default false, version 2. */
  readonly hasSkipped?: boolean | undefined;
}

/** Of one piece of an index. */
const PIECE_BYTES = 256 * 1024;

/**
 * Writes an index in version 2 or 3 (gitformat-index), piece by piece: the pieces are the receiver's.
 * @param count of the entries
 * @param entries in the order of their paths' bytes
 */
export function* encodeIndex(
  count: number,
  entries: Iterable<IndexEntry>,
  { trees, fsmonitorToken, hasSkipped = false }: IndexKnowledge,
  format: ObjectFormat,
): Generator<Buffer, void, undefined> {
  const hash = createHash(format);
  let piece = Buffer.alloc(PIECE_BYTES);
  piece.write("DIRC", "latin1");
  piece.writeUInt32BE(hasSkipped ? 3 : 2, 4);
  piece.writeUInt32BE(count, 8);
  let end = 12;
  for (const entry of entries) {
    const entryBytes = bytesOf(entry, format);
    if (end + entryBytes > piece.length) {
      const full = piece.subarray(0, end);
      hash.update(full);
      yield full;
      piece = Buffer.alloc(Math.max(PIECE_BYTES, entryBytes));
      end = 0;
    }
    writeEntry(entry, piece.subarray(end, end + entryBytes), format);
    end += entryBytes;
  }
  const last: Buffer[] = [piece.subarray(0, end)];
  if (trees !== undefined) last.push(...extension("TREE", encodeTrees(trees, hashLength(format))));
  if (fsmonitorToken !== undefined) last.push(...extension("FSMN", encodeMoment(fsmonitorToken)));
  for (const part of last) hash.update(part);
  yield* last;
  yield hash.digest();
}

/** With one NUL at least at the end, up to eight. */
function bytesOf({ path, isSkipped = false }: IndexEntry, format: ObjectFormat): number {
  const flagBytes = isSkipped ? 4 : 2;
  return Math.floor((FIXED_BYTES + hashLength(format) + flagBytes + path.length) / 8) * 8 + 8;
}

function writeEntry(
  { path, mode, oid, stat, isSkipped = false }: IndexEntry,
  entry: Buffer,
  format: ObjectFormat,
): void {
  const idBytes = hashLength(format);
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
  const flagsAt = FIXED_BYTES + idBytes;
  entry.writeUInt16BE(Math.min(path.length, MAX_NAME_FLAG) | (isSkipped ? EXTENDED_FLAG : 0), flagsAt);
  if (isSkipped) entry.writeUInt16BE(SKIP_WORKTREE_FLAG, flagsAt + 2);
  entry.write(path, flagsAt + (isSkipped ? 4 : 2), "latin1");
}

function extension(name: string, content: Buffer): Buffer[] {
  const header = Buffer.alloc(8);
  header.write(name, "latin1");
  header.writeUInt32BE(content.length, 4);
  return [header, content];
}

/** The version, the token, and a bitmap in EWAH (gitformat-bitmap) of entries that may have changed at that moment: none has. */
function encodeMoment(token: string): Buffer {
  const none = Buffer.alloc(4 + 4 + 8 + 4);
  // No bits, in one word that says how many words of which kind follow, and where that word is.
  none.writeUInt32BE(1, 4);
  const version = Buffer.alloc(4);
  version.writeUInt32BE(2);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(none.length);
  return Buffer.concat([version, Buffer.from(`${token}\0`, "latin1"), length, none]);
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

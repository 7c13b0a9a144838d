import { PackError } from "../errors.ts";
import { hashLength, oidFromBytes, writeOid } from "../object-id.ts";
import type { ObjectFormat, Oid } from "../schema.ts";

/** Mode of a subtree. */
export const MODE_TREE = 0o040000;
/** Mode of a plain file. */
export const MODE_FILE = 0o100644;
/** Mode of an executable file. */
export const MODE_EXECUTABLE = 0o100755;
/** Mode of a symbolic link. */
export const MODE_SYMLINK = 0o120000;
/** Mode of a gitlink: a submodule's commit, which lives elsewhere. */
export const MODE_GITLINK = 0o160000;

/** One entry of a tree. */
export interface TreeEntry {
  readonly mode: number;
  /** The name's bytes, without "/" or NUL in a sound tree; parsed ones are views of the tree's bytes. */
  readonly name: Uint8Array;
  readonly oid: Oid;
  /** The mode's octal digits where they are not the usual spelling, as in old trees ("040000"). */
  readonly modeText?: string | undefined;
}

/** Receives one entry: its mode, where its raw id starts, and where its name starts and ends. */
export type TreeVisitor = (mode: number, oidOffset: number, nameStart: number, nameEnd: number) => void;

/** The bits of a mode that tell what kind of thing it is. */
const MODE_KIND = 0o170000;
const SPACE = 32;

/** Whether the mode is a subtree's, however its other bits are set. */
export function isTreeMode(mode: number): boolean {
  return (mode & MODE_KIND) === MODE_TREE;
}

/** Whether the mode is a gitlink's. */
export function isGitlinkMode(mode: number): boolean {
  return (mode & MODE_KIND) === MODE_GITLINK;
}

/**
 * Visits the entries in their order without allocating; modes are as written, gitlinks (0o160000) are included.
 * Throws PACK_BAD_OBJECT where the bytes stop being tree entries; those before were visited then.
 */
export function walkTree(bytes: Uint8Array, format: ObjectFormat, visit: TreeVisitor): void {
  const idBytes = format === "sha1" ? 20 : 32;
  const size = bytes.length;
  let at = 0;
  while (at < size) {
    let mode = 0;
    let digits = 0;
    let byte = bytes[at++]!;
    while (byte !== SPACE) {
      if (byte < 0x30 || byte > 0x37 || at >= size) throw bad("tree entry has a malformed mode", at);
      mode = ((mode << 3) | (byte - 0x30)) >>> 0;
      digits++;
      byte = bytes[at++]!;
    }
    if (digits === 0) throw bad("tree entry has no mode", at);
    const nameStart = at;
    while (at < size && bytes[at] !== 0) at++;
    if (at === nameStart) throw bad("tree entry has no name", at);
    const oidOffset = at + 1;
    if (oidOffset + idBytes > size) throw bad("tree ends inside an entry", at);
    visit(mode, oidOffset, nameStart, at);
    at = oidOffset + idBytes;
  }
}

/** Parses a tree into its entries; throws PACK_BAD_OBJECT as `walkTree` does. */
export function parseTree(bytes: Uint8Array, format: ObjectFormat): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const idBytes = hashLength(format);
  let start = 0;
  walkTree(bytes, format, (mode, oidOffset, nameStart, nameEnd) => {
    const name = bytes.subarray(nameStart, nameEnd);
    const oid = oidFromBytes(bytes, oidOffset, format);
    let modeText = "";
    for (let i = start; i < nameStart - 1; i++) modeText += String.fromCharCode(bytes[i]!);
    entries.push(modeText === mode.toString(8) ? { mode, name, oid } : { mode, name, oid, modeText });
    start = oidOffset + idBytes;
  });
  return entries;
}

/** Encodes entries in the order given, which is the caller's to choose (`compareTreeEntries`); throws PACK_BAD_OID. */
export function encodeTree(entries: readonly TreeEntry[], format: ObjectFormat): Uint8Array {
  const idBytes = hashLength(format);
  let size = 0;
  for (const entry of entries) size += modeTextOf(entry).length + 1 + entry.name.length + 1 + idBytes;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const entry of entries) {
    const modeText = modeTextOf(entry);
    for (let i = 0; i < modeText.length; i++) bytes[at++] = modeText.charCodeAt(i);
    bytes[at++] = SPACE;
    bytes.set(entry.name, at);
    at += entry.name.length + 1;
    if (entry.oid.length !== 2 * idBytes)
      throw new PackError("PACK_BAD_OID", `not a ${format} id: ${entry.oid}`);
    writeOid(entry.oid, bytes, at);
    at += idBytes;
  }
  return bytes;
}

/** Git's order of entries in a tree: by bytes, a subtree's name as if it ended in "/". */
export function compareTreeEntries(
  a: Pick<TreeEntry, "mode" | "name">,
  b: Pick<TreeEntry, "mode" | "name">,
): number {
  const shared = Math.min(a.name.length, b.name.length);
  for (let i = 0; i < shared; i++) {
    const difference = a.name[i]! - b.name[i]!;
    if (difference !== 0) return difference;
  }
  return byteAfterName(a, shared) - byteAfterName(b, shared);
}

function byteAfterName(entry: Pick<TreeEntry, "mode" | "name">, at: number): number {
  return entry.name[at] ?? (isTreeMode(entry.mode) ? 0x2f : 0);
}

function modeTextOf(entry: TreeEntry): string {
  return entry.modeText ?? entry.mode.toString(8);
}

function bad(message: string, offset: number): PackError {
  return new PackError("PACK_BAD_OBJECT", message, { offset });
}

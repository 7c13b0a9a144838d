import { Refusal } from "../view/refusal.ts";
import type { NewNode } from "../view/writable-view.ts";
import { isDirectory, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../view/mode.ts";
import { type LowerEntry, type LowerTree, type OverlayNode, type Time, WHITEOUT } from "./row.ts";
import type { RowChange, Rows } from "./row-layer.ts";

const MAX_NAME_BYTES = 255;
const MAX_TARGET_BYTES = 4095;
const S_ISGID = 0o2000;
/** Flags of `rename`, as renameat2(2) has them. */
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

/** What a name leads to: a row, or what lies below. */
export type Found =
  | { readonly node: OverlayNode; readonly lower?: undefined }
  | { readonly lower: LowerEntry; readonly node?: undefined };

/** What the operations on names work with. */
export interface NameContext {
  /** What is read and written: nothing counts before it is applied. */
  readonly change: RowChange;
  readonly lower: (tree: NonNullable<OverlayNode["oid"]>) => LowerTree;
  /** Whether nothing shows in a directory. */
  readonly isEmpty: (directory: OverlayNode) => boolean;
  readonly now: Time;
}

/** The directory with an id. @throws Refusal ESTALE, ENOTDIR */
export function directoryOf(rows: Rows, id: number): OverlayNode {
  const node = rows.node(id);
  if (node === undefined) throw new Refusal("ESTALE");
  if (!isDirectory(node)) throw new Refusal("ENOTDIR");
  return node;
}

/** What a name leads to. */
export function find(
  rows: Rows,
  lower: NameContext["lower"],
  directory: OverlayNode,
  name: string,
): Found | undefined {
  const entry = rows.entry(directory.id, name);
  if (entry === undefined) {
    const below = directory.oid === undefined ? undefined : lower(directory.oid).get(name);
    return below === undefined ? undefined : { lower: below };
  }
  const node = entry.node === undefined ? undefined : rows.node(entry.node);
  return node === undefined ? undefined : { node };
}

/**
 * Gives what lies below a name a row, which changes nothing that shows.
 * @param ino the number that users know it by
 * @throws Refusal ENOENT
 */
export function adopt(context: NameContext, parent: OverlayNode, name: string, ino?: number): OverlayNode {
  const { change, lower } = context;
  const found = find(change, lower, parent, name);
  if (found === undefined) throw new Refusal("ENOENT");
  if (found.node !== undefined) return found.node;
  const node = { ...nodeOfLower(change.newId(), parent.id, found.lower), ino };
  change.putNode(node);
  change.putEntry(parent.id, name, { node: node.id });
  return node;
}

/** A node that is what lies below. */
export function nodeOfLower(id: number, parent: number, { mode, oid }: LowerEntry): OverlayNode {
  const isBelow = (mode & S_IFMT) === S_IFDIR;
  return { id, mode, nlink: 1, oid, isChanged: false, ...(isBelow ? { parent } : {}) };
}

/** @throws Refusal EEXIST, ENOENT, EINVAL, ENAMETOOLONG, ENOTDIR, ESTALE */
export function make(context: NameContext, parentId: number, name: string, made: NewNode): OverlayNode {
  const { change, lower, now } = context;
  const parent = livingDirectory(change, parentId);
  checkName(name);
  if (find(change, lower, parent, name) !== undefined) throw new Refusal("EEXIST");
  const type = made.mode & S_IFMT;
  if (type === S_IFLNK) checkTarget(made.target ?? "");
  const inherits = (parent.mode & S_ISGID) !== 0;
  const node: OverlayNode = {
    id: change.newId(),
    mode: inherits && type === S_IFDIR ? made.mode | S_ISGID : made.mode,
    uid: made.uid,
    gid: inherits ? parent.gid : made.gid,
    nlink: 1,
    atime: now,
    mtime: now,
    ctime: now,
    sizeBytes: type === S_IFREG ? 0 : made.target?.length,
    rdev: made.rdev,
    target: made.target,
    parent: type === S_IFDIR ? parentId : undefined,
    isChanged: true,
  };
  change.putNode(node);
  change.putEntry(parentId, name, { node: node.id });
  touch(context, parentId);
  return node;
}

/** One more name for a node that has one. @throws Refusal EEXIST, EPERM, ENOENT, as `make` */
export function link(context: NameContext, id: number, parentId: number, name: string): OverlayNode {
  const { change, lower, now } = context;
  const node = change.node(id);
  if (node === undefined) throw new Refusal("ESTALE");
  const parent = livingDirectory(change, parentId);
  checkName(name);
  if (find(change, lower, parent, name) !== undefined) throw new Refusal("EEXIST");
  if (isDirectory(node)) throw new Refusal("EPERM");
  // It had its last name taken away, and nothing may bring it back.
  if (node.nlink === 0) throw new Refusal("ENOENT");
  const linked = { ...node, nlink: node.nlink + 1, ctime: now, isChanged: true };
  change.putNode(linked);
  change.putEntry(parentId, name, { node: id });
  touch(context, parentId);
  return linked;
}

/**
 * Takes a name away.
 * @returns what had it; where it has no other name, its `nlink` is 0
 * @throws Refusal ENOENT, EISDIR, ESTALE, ENOTDIR
 */
export function unlink(context: NameContext, parentId: number, name: string): OverlayNode {
  const parent = directoryOf(context.change, parentId);
  const node = adopt(context, parent, name);
  if (isDirectory(node)) throw new Refusal("EISDIR");
  return detach(context, parent, name, node);
}

/** As `unlink`, of an empty directory. @throws Refusal ENOENT, ENOTDIR, ENOTEMPTY, ESTALE */
export function rmdir(context: NameContext, parentId: number, name: string): OverlayNode {
  const parent = directoryOf(context.change, parentId);
  const node = adopt(context, parent, name);
  if (!isDirectory(node)) throw new Refusal("ENOTDIR");
  if (!context.isEmpty(node)) throw new Refusal("ENOTEMPTY");
  return detach(context, parent, name, node);
}

/**
 * Moves what has a name to another one; a directory takes what lies below it along.
 * @param flags RENAME_NOREPLACE, RENAME_EXCHANGE
 * @returns what had the new name before and was replaced
 * @throws Refusal ENOENT, EEXIST, EINVAL, EISDIR, ENOTDIR, ENOTEMPTY, ENAMETOOLONG, ESTALE
 */
export function rename(
  context: NameContext,
  from: { readonly parent: number; readonly name: string },
  to: { readonly parent: number; readonly name: string },
  flags: number,
): OverlayNode | undefined {
  const { change, lower } = context;
  const isExchange = flags === RENAME_EXCHANGE;
  if (flags !== 0 && flags !== RENAME_NOREPLACE && !isExchange) throw new Refusal("EINVAL");
  const source = directoryOf(change, from.parent);
  const target = livingDirectory(change, to.parent);
  checkName(to.name);
  const node = adopt(context, source, from.name);
  const there = find(change, lower, target, to.name) && adopt(context, target, to.name);
  if (there !== undefined && flags === RENAME_NOREPLACE) throw new Refusal("EEXIST");
  if (there === undefined && isExchange) throw new Refusal("ENOENT");
  if (isInside(change, target, node)) throw new Refusal("EINVAL");
  // What is moved lies in what would be replaced, which then is not empty.
  if (there !== undefined && isInside(change, source, there))
    throw new Refusal(isExchange ? "EINVAL" : "ENOTEMPTY");
  if (there?.id === node.id) return undefined;
  if (there !== undefined && isExchange) {
    place(context, source, from.name, there);
    place(context, target, to.name, node);
    return undefined;
  }
  if (there !== undefined) {
    if (isDirectory(there) !== isDirectory(node)) throw new Refusal(isDirectory(node) ? "ENOTDIR" : "EISDIR");
    if (isDirectory(there) && !context.isEmpty(there)) throw new Refusal("ENOTEMPTY");
  }
  const replaced = there === undefined ? undefined : detach(context, target, to.name, there);
  hide(context, source, from.name);
  touch(context, source.id);
  place(context, target, to.name, node);
  return replaced;
}

/** Puts a node under a name, whatever has been there. */
function place(context: NameContext, parent: OverlayNode, name: string, node: OverlayNode): void {
  const { change, now } = context;
  change.putEntry(parent.id, name, { node: node.id });
  change.putNode({
    ...node,
    ctime: now,
    isChanged: true,
    ...(isDirectory(node) ? { parent: parent.id } : {}),
  });
  touch(context, parent.id);
}

function detach(context: NameContext, parent: OverlayNode, name: string, node: OverlayNode): OverlayNode {
  hide(context, parent, name);
  const left = { ...node, nlink: node.nlink - 1, ctime: context.now };
  context.change.putNode(left);
  touch(context, parent.id);
  return left;
}

/** Lets a name show nothing. */
function hide({ change, lower }: NameContext, parent: OverlayNode, name: string): void {
  if (parent.oid !== undefined && lower(parent.oid).has(name)) change.putEntry(parent.id, name, WHITEOUT);
  else change.deleteEntry(parent.id, name);
}

/** Names of a directory have changed. */
function touch({ change, now }: NameContext, id: number): void {
  const directory = change.node(id);
  if (directory !== undefined) change.putNode({ ...directory, mtime: now, ctime: now });
}

/** Whether a directory is another one, or lies in it. */
function isInside(rows: Rows, directory: OverlayNode, other: OverlayNode): boolean {
  for (let at: OverlayNode | undefined = directory; at !== undefined; ) {
    if (at.id === other.id) return true;
    if (at.parent === undefined || at.parent === at.id) return false;
    at = rows.node(at.parent);
  }
  return false;
}

function livingDirectory(rows: Rows, id: number): OverlayNode {
  const directory = directoryOf(rows, id);
  if (directory.nlink === 0) throw new Refusal("ENOENT");
  return directory;
}

function checkName(name: string): void {
  if (name.length > MAX_NAME_BYTES) throw new Refusal("ENAMETOOLONG");
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) throw new Refusal("EINVAL");
}

function checkTarget(target: string): void {
  if (target === "") throw new Refusal("ENOENT");
  if (target.length > MAX_TARGET_BYTES) throw new Refusal("ENAMETOOLONG");
  if (target.includes("\0")) throw new Refusal("EINVAL");
}

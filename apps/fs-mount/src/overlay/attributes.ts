import { Refusal } from "../view/refusal.ts";
import type { AttributeChange } from "../view/writable-view.ts";
import { S_IFMT } from "../view/mode.ts";
import { isSameGitMode, type OverlayNode, type Time } from "./row.ts";

/** No label of SELinux is kept, of any file: so told, `ls -l` asks once, and else for each file. */
const XATTR_NAME = /^(?:user|trusted|security(?!\.selinux$))\../s;
/** The kernel hears it once for each file that is written to, when it asks for `security.capability`. */
const NO_DATA = new Refusal("ENODATA");
const MAX_XATTR_BYTES = 65_536;
const [XATTR_CREATE, XATTR_REPLACE] = [1, 2];

/** A node with attributes changed. */
export function changeAttributes(node: OverlayNode, change: AttributeChange, now: Time): OverlayNode {
  const mode = change.mode === undefined ? node.mode : (node.mode & S_IFMT) | (change.mode & 0o7777);
  return {
    ...node,
    mode,
    uid: change.uid ?? node.uid,
    gid: change.gid ?? node.gid,
    atime: change.atime === "now" ? now : (change.atime ?? node.atime),
    mtime: change.mtime === "now" ? now : (change.mtime ?? node.mtime),
    ctime: now,
    isChanged: node.isChanged || !isSameGitMode(node.mode, mode),
  };
}

/** Whether a change would leave a node as it is, but for the time of the change. */
export function changesNothing(mode: number, change: AttributeChange): boolean {
  const { uid, gid, atime, mtime } = change;
  const isSameMode = change.mode === undefined || (mode & 0o7777) === (change.mode & 0o7777);
  return isSameMode && [uid, gid, atime, mtime].every((value) => value === undefined);
}

/** An extended attribute. @throws Refusal ENODATA, EOPNOTSUPP */
export function xattrOf(xattrs: OverlayNode["xattrs"], name: string): Uint8Array {
  const value = xattrs?.get(name);
  if (value === undefined) throw XATTR_NAME.test(name) ? NO_DATA : new Refusal("EOPNOTSUPP");
  return value;
}

/** A node with an extended attribute set. @throws Refusal EEXIST, ENODATA, ENOSPC, EOPNOTSUPP */
export function withXattr(
  node: OverlayNode,
  name: string,
  value: Uint8Array,
  flags: number,
  now: Time,
): OverlayNode {
  // Access control lists (`system.`) would change what the mode means.
  if (!XATTR_NAME.test(name)) throw new Refusal("EOPNOTSUPP");
  const xattrs = new Map(node.xattrs);
  if (flags === XATTR_CREATE && xattrs.has(name)) throw new Refusal("EEXIST");
  if (flags === XATTR_REPLACE && !xattrs.has(name)) throw new Refusal("ENODATA");
  xattrs.set(name, new Uint8Array(value));
  let total = 0;
  for (const [other, { length }] of xattrs) total += other.length + length;
  if (total > MAX_XATTR_BYTES) throw new Refusal("ENOSPC");
  return { ...node, xattrs, ctime: now };
}

/** A node with an extended attribute taken away. @throws Refusal ENODATA */
export function withoutXattr(node: OverlayNode, name: string, now: Time): OverlayNode {
  const xattrs = new Map(node.xattrs);
  if (!xattrs.delete(name)) throw new Refusal("ENODATA");
  return { ...node, xattrs: xattrs.size === 0 ? undefined : xattrs, ctime: now };
}

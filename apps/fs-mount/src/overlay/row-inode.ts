import { inodeOf } from "../view/inode.ts";
import { isDirectory } from "../view/mode.ts";
import type { LowerEntry, OverlayNode } from "./row.ts";

/** Numbers of what was made here begin where few hashes lie. */
const FIRST_MADE_INO = 2 ** 52;

/** The inode number of a row's node. */
export function inoOfRow({ id, ino }: Pick<OverlayNode, "id" | "ino">): number {
  return id === 1 ? 1 : (ino ?? FIRST_MADE_INO + id);
}

/** The inode number of what lies below a name, in a directory with this number. */
export function inoOfLower(directory: number, name: string, { mode, oid }: LowerEntry): number {
  return inodeOf(directory, name, mode, isDirectory({ mode }) ? undefined : oid);
}

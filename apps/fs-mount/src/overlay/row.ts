import type { Oid } from "@millrace/pack";
import { S_IFMT, S_IFREG } from "../view/mode.ts";
import type { Time } from "../view/view.ts";

export type { Time };

/**
 * A file, directory, link or special file that was changed here, or that has a row for another reason (it was moved, something
 * below it was changed). It never changes itself: a change puts another one under the same id.
 */
export interface OverlayNode {
  /** Its number in this overlay, never used for another one. */
  readonly id: number;
  /** Its number for users where it keeps one; else the view's to say. */
  readonly ino?: number | undefined;
  /** Type and permissions, as `st_mode` has them. */
  readonly mode: number;
  /** Owner and group; `undefined`: those of the mount. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Names that it has; 0: somebody still holds it. Of a directory always 1 or 0. */
  readonly nlink: number;
  /** `undefined`: those of the base. */
  readonly atime?: Time | undefined;
  readonly mtime?: Time | undefined;
  readonly ctime?: Time | undefined;
  /** Bytes of its content; `undefined` where only its object would tell. */
  readonly sizeBytes?: number | undefined;
  /** Of a special file. */
  readonly rdev?: number | undefined;
  /** Where a symbolic link leads, bytes one to a character. */
  readonly target?: string | undefined;
  /**
   * Of a directory: the tree that lies below its rows; without, its rows are all there is. Of a file or link: the blob that is
   * its content; without, its content is here.
   */
  readonly oid?: Oid | undefined;
  /** The name of the file that has the content. */
  readonly backing?: string | undefined;
  /** The content is in a row of its own. Without this, `backing` and `oid` it is all zeros. */
  readonly isSmall?: true | undefined;
  /** Of a directory: the one above it. The root's is itself. */
  readonly parent?: number | undefined;
  /** Names are bytes, one to a character. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined;
  /** It is not what the base has at its place. */
  readonly isChanged: boolean;
}

/** What an overlay says of one name in one directory. */
export type OverlayEntry =
  /** There is nothing, whatever lies below. */
  { readonly node: undefined } | { readonly node: number };

export const WHITEOUT: OverlayEntry = { node: undefined };

/** What lies below a name: an entry of a tree. */
export interface LowerEntry {
  /** Type and permissions as they are shown: 0o100644, 0o100755, 0o120777 or 0o040755. */
  readonly mode: number;
  /** The blob or tree; of a submodule `undefined`. */
  readonly oid: Oid | undefined;
}

/** A tree's entries by name, bytes one to a character. */
export interface LowerTree extends Iterable<[string, LowerEntry]> {
  get(name: string): LowerEntry | undefined;
  has(name: string): boolean;
  keys(): Iterable<string>;
}

/** Whether git would say that two modes are one: it knows types, and of files who may run them. */
export function isSameGitMode(a: number, b: number): boolean {
  if ((a & S_IFMT) !== (b & S_IFMT)) return false;
  return (a & S_IFMT) !== S_IFREG || (a & 0o100) === (b & 0o100);
}

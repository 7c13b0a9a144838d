import type { Oid } from "@millrace/pack";
import { hashName, inodeOf } from "../view/inode.ts";
import type { NodeKind, ViewNode } from "../view/view.ts";
import type { BaseContents } from "./base-contents.ts";
import type { OverlayStore } from "./overlay-store.ts";
import { isDirectory, type LowerEntry, type OverlayNode, S_IFLNK, S_IFMT, type Time } from "./row.ts";

const DIRECTORY_BYTES = 4096;
/** Numbers of what was made here begin where few hashes lie. */
const FIRST_MADE_INO = 2 ** 52;

/** What `stat` tells of a node, but for its size and owner where those are not its own. */
export interface NodeAttributes {
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly rdev: number;
  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time;
}

/** What nodes look into. */
export interface NodeContext {
  readonly store: OverlayStore;
  readonly contents: BaseContents;
  readonly mtimeSeconds: number;
}

/** A node of a view with local changes: one of the base, or one that has a row. */
export class OverlayViewNode implements ViewNode {
  readonly id: number;
  readonly ino: number;
  /** Its row; `undefined`: it is what lies below, at `name` in `parent`. */
  row: number | undefined;
  readonly parent: OverlayViewNode | undefined;
  readonly name: string;
  references = 0;
  /** Of a directory: nodes of names without a row. */
  readonly children: Map<string, OverlayViewNode> = new Map();
  /** Of a directory: the tree that it holds. */
  heldTree: Oid | undefined;
  /** Of a directory: somebody has listed it; its files were asked for in advance. */
  isListed = false;
  isPrefetched = false;
  readonly #context: NodeContext;
  readonly #lower: LowerEntry | undefined;

  constructor(
    context: NodeContext,
    id: number,
    what:
      | { readonly row: OverlayNode }
      | { readonly parent: OverlayViewNode; readonly name: string; readonly lower: LowerEntry },
  ) {
    this.#context = context;
    this.id = id;
    if ("row" in what) {
      this.row = what.row.id;
      this.ino = inoOfRow(what.row);
      this.name = "";
    } else {
      this.parent = what.parent;
      this.name = what.name;
      this.#lower = what.lower;
      this.ino = inoOfLower(what.parent.ino, what.name, what.lower);
    }
  }

  get state(): OverlayNode | LowerEntry {
    const row = this.row === undefined ? undefined : this.#context.store.node(this.row);
    return row ?? this.#lower ?? { mode: 0, oid: undefined };
  }

  get kind(): NodeKind {
    return kindOf(this.state.mode);
  }

  /** Of the base: the blob or tree that it is, or that lies below it. */
  get oid(): Oid | undefined {
    return this.state.oid;
  }

  get sizeBytes(): number | undefined {
    const { state } = this;
    if (isDirectory(state)) return DIRECTORY_BYTES;
    if ("sizeBytes" in state && state.sizeBytes !== undefined) return state.sizeBytes;
    return state.oid === undefined ? 0 : this.#context.contents.sizeOf(state.oid);
  }

  get mtimeSeconds(): number {
    return this.attributes.mtime.seconds;
  }

  get attributes(): NodeAttributes {
    const { state } = this;
    const time = { seconds: this.#context.mtimeSeconds, nanoseconds: 0 };
    const row = "id" in state ? state : undefined;
    return {
      mode: state.mode,
      nlink: row?.nlink ?? 1,
      uid: row?.uid,
      gid: row?.gid,
      rdev: row?.rdev ?? 0,
      atime: row?.atime ?? time,
      mtime: row?.mtime ?? time,
      ctime: row?.ctime ?? time,
    };
  }
}

export function inoOfRow(row: OverlayNode): number {
  return row.id === 1 ? 1 : (row.ino ?? FIRST_MADE_INO + row.id);
}

/**
 * The number of what lies below a name: of its directory's number, so that it is the same when the directory has moved, and after a
 * restart.
 */
export function inoOfLower(directory: number, name: string, { mode, oid }: LowerEntry): number {
  const path = hashName({ high: Math.floor(directory / 2 ** 32) | 0, low: directory | 0 }, name);
  return inodeOf(path, isDirectory({ mode }) ? undefined : oid, mode);
}

/** Special files are files to who knows four kinds only. */
export function kindOf(mode: number): NodeKind {
  if (isDirectory({ mode })) return "directory";
  if ((mode & S_IFMT) === S_IFLNK) return "symlink";
  return (mode & 0o111) === 0 ? "file" : "executable";
}

import type { Oid } from "@millrace/pack";
import type { NodeAttributes, NodeKind, Time, ViewNode } from "../view/view.ts";
import type { BaseContents } from "../view/base-contents.ts";
import type { LookedAtDirectory } from "../view/directory-contents.ts";
import type { CountedNode } from "../view/node-table.ts";
import type { OverlayStore } from "./overlay-store.ts";
import { isDirectory, kindOf } from "../view/mode.ts";
import type { LowerEntry, OverlayNode } from "./row.ts";
import { inoOfLower, inoOfRow } from "./row-inode.ts";

const DIRECTORY_BYTES = 4096;

/** What nodes look into. */
export interface NodeContext {
  readonly store: OverlayStore;
  readonly contents: BaseContents;
  readonly mtimeSeconds: number;
}

/** Of what is no directory, and never has any. */
const NO_CHILDREN: Map<string, OverlayViewNode> = new Map();

/** A node of a view with local changes: one of the base, or one that has a row. */
export class OverlayViewNode implements ViewNode, CountedNode, LookedAtDirectory {
  readonly id: number;
  readonly ino: number;
  /** Its row; `undefined`: it is what lies below, at `name` in `parent`. */
  row: number | undefined;
  /** The directory and the name by which it was found last; of the base those that it has. The root has none. */
  parent: OverlayViewNode | undefined;
  name: string;
  /** Of a file that is in no store: it cannot be changed. */
  readonly content: Uint8Array | undefined;
  references = 0;
  /** Of a directory: nodes of names without a row. */
  readonly children: Map<string, OverlayViewNode>;
  /** Of a directory: the tree that it holds. */
  heldTree: Oid | undefined;
  isListed = false;
  isMeasured = false;
  isPrefetched = false;
  measuring: Promise<void> | undefined;
  measuringLinks: Promise<void> | undefined;
  readonly #context: NodeContext;
  readonly #lower: LowerEntry | undefined;

  constructor(
    context: NodeContext,
    id: number,
    what:
      | { readonly row: OverlayNode }
      | {
          readonly parent: OverlayViewNode;
          readonly name: string;
          readonly lower: LowerEntry;
          readonly content?: Uint8Array | undefined;
        },
  ) {
    this.#context = context;
    this.id = id;
    this.children = isDirectory("row" in what ? what.row : what.lower) ? new Map() : NO_CHILDREN;
    if ("row" in what) {
      this.row = what.row.id;
      this.ino = inoOfRow(what.row);
      this.name = "";
    } else {
      this.parent = what.parent;
      this.name = what.name;
      this.#lower = what.lower;
      this.content = what.content;
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
    if (this.content !== undefined) return this.content.length;
    if ("sizeBytes" in state && state.sizeBytes !== undefined) return state.sizeBytes;
    return state.oid === undefined ? 0 : this.#context.contents.sizeOf(state.oid);
  }

  get xattrs(): ReadonlyMap<string, Uint8Array> | undefined {
    const { state } = this;
    return "xattrs" in state ? state.xattrs : undefined;
  }

  get nlink(): number {
    const { state } = this;
    return "nlink" in state ? state.nlink : 1;
  }

  get attributes(): NodeAttributes {
    const { state } = this;
    const row = "id" in state ? state : undefined;
    return {
      mode: state.mode,
      nlink: row?.nlink ?? 1,
      uid: row?.uid,
      gid: row?.gid,
      rdev: row?.rdev ?? 0,
      atime: row?.atime ?? this.#baseTime(),
      mtime: row?.mtime ?? this.#baseTime(),
      ctime: row?.ctime ?? this.#baseTime(),
    };
  }

  #baseTime(): Time {
    return { seconds: this.#context.mtimeSeconds, nanoseconds: 0 };
  }
}

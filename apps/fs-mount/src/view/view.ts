import type { Oid } from "@millrace/pack";
import type { Blobs } from "../hydrator/blobs.ts";

/** At once or later: most of what is asked of a view can be answered at once, and then costs no turn of the event loop. */
export type Answer<T> = T | Promise<T>;

/** Somebody who waits, and may leave. The signal is looked at only where there is something to wait for. */
export interface Waiting {
  readonly signal: AbortSignal;
}

/** What a node is. A submodule is a directory in which nothing is. */
export type NodeKind = "file" | "executable" | "symlink" | "directory";

/** A time, to the nanosecond. */
export interface Time {
  /** Since 1970. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What `stat` tells of a node, but for its size, and its owner where that is the mount's. */
export interface NodeAttributes {
  /** Type and permissions, as `st_mode` has them. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly rdev: number;
  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time;
}

/** Something that can be looked at. It is the same object for as long as anybody holds a reference. */
export interface ViewNode {
  /** Its number in this view while it lives, from 1 (the root) on; never used for another one. */
  readonly id: number;
  /** Its number for users (`st_ino`), which belongs to path, content and mode, and is the same after a restart. Up to 2^53. */
  readonly ino: number;
  readonly kind: NodeKind;
  /** Bytes of its content; `undefined` where nobody has asked for it yet. */
  readonly sizeBytes: number | undefined;
  readonly attributes: NodeAttributes;
}

/** One line of a directory. */
export interface ListedEntry {
  /** Bytes, one to a character ("latin1"). */
  readonly name: string;
  readonly ino: number;
  readonly kind: NodeKind;
  /** As `st_mode`: of special files the kind does not tell. */
  readonly mode: number;
}

/** A file that somebody reads. */
export interface OpenFile {
  /** Bytes from `offset`, fewer at the end of the file only. */
  read(offset: number, sizeBytes: number, waiting?: Waiting): Answer<Uint8Array>;
  close(): void;
}

/**
 * The files of a mount, as all front ends see them. It knows no kernel and no network. Whoever keeps the id of a node holds
 * references (`retain`) and gives them back (`forget`).
 *
 * Methods throw `Refusal`; MOUNT_BAD_TREE for a directory that is not to be shown; and what the source throws, its aborts included.
 */
export interface View {
  readonly root: ViewNode;
  /** A node that somebody holds. Throws ESTALE. */
  node(id: number): ViewNode;
  retain(id: number): void;
  forget(id: number, count: number): void;
  /** The node of a name; `undefined` where there is none. Waits for a tree at most, for a symbolic link also for its size. */
  lookup(directory: ViewNode, name: string, waiting?: Waiting): Answer<ViewNode | undefined>;
  /** Has what tells the entries of a directory here, so that `list` answers at once. Throws ENOTDIR. */
  enter(directory: ViewNode, waiting?: Waiting): Answer<void>;
  /** All entries but `.` and `..`, in an order that does not change. Throws ENOTDIR. */
  list(directory: ViewNode, waiting?: Waiting): Answer<readonly ListedEntry[]>;
  /** The node of an entry of `list`, without waiting: the size of a symbolic link may be unknown. */
  child(directory: ViewNode, entry: Pick<ListedEntry, "name">): ViewNode;
  /** Where the directory above is; the root's is the root. */
  parent(node: ViewNode): ViewNode;
  /** Bytes of a node's content; where that is not known, it is learnt for all files of its directory. */
  size(node: ViewNode, waiting?: Waiting): Answer<number>;
  /** Where a symbolic link leads, bytes one to a character. Throws EINVAL for other nodes. */
  readlink(node: ViewNode, waiting?: Waiting): Answer<string>;
  /** Opens a file for reading. Throws EISDIR, ELOOP. */
  open(node: ViewNode, waiting?: Waiting): Answer<OpenFile>;
}

/** A tree, with what is known of the files in it. */
export interface TreeContent {
  readonly content: Uint8Array;
  /** Bytes of each entry's content, in the tree's order; NaN where they are not known, and of what is no file. Default: none is. */
  readonly sizes?: Float64Array | undefined;
  /**
   * What contents of entries are called where a checkout writes something else than their objects (`filters/content-id.ts`), by name
   * (bytes, one to a character). Default: none is.
   */
  readonly ids?: ReadonlyMap<string, Oid> | undefined;
}

/** Where a view has its content from. */
export interface ViewSource {
  /** The content of a tree. Throws what a fetch throws. */
  tree(oid: Oid): Answer<TreeContent>;
  /** Waits until git works here: before that nobody is told where its directory is. Throws what stands in the way. Default: it does. */
  readonly gitWorks?: ((waiting?: Waiting) => Answer<void>) | undefined;
  /** The blobs that belong to the mounted commit, sorted (`hydrator/sorted-ids.ts`); none while they are not known. Default: none are. */
  readonly promised?: ((waiting?: Waiting) => Answer<Uint8Array>) | undefined;
  readonly blobs: Blobs;
}

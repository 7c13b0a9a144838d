import type { AttributeChange } from "./protocol/decode.ts";
import type { Attributes, DirectoryEntry, Entry, FileSystemStatistics } from "./protocol/types.ts";

/** An answer, at once or later. What can be answered at once should be: it costs the event loop no turn. */
export type Answer<T> = T | Promise<T>;

/** Who asks, and whether they still wait. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** As the process namespace of the mount sees it; 0 where it does not. */
  readonly pid: number;
  /** Aborted when the caller is interrupted (its process got a signal), and when the mount ends. Made when first asked for. */
  readonly signal: AbortSignal;
}

/** Something open. */
export interface Opened {
  /** Comes back with every request on it: any number up to 2^53. */
  readonly handle: number;
  /** Bits of `OPENED`, such as `OPENED.KEEP_CACHE`. Default 0. */
  readonly flags?: number | undefined;
  /**
   * A descriptor of a native file that has this file's bytes: where the kernel can (`FileSystem.passthrough`), reads, writes and mappings go there,
   * and `read` and `write` are not asked; it opens the file anew, so one for reading is enough, and it may be closed after this answer.
   * Where the kernel cannot, or the node is open otherwise already, they are asked as ever. Not for directories.
   */
  readonly backingFd?: number | undefined;
}

/**
 * A file system by nodes. A handler that is missing is answered ENOSYS, which the kernel takes as its permanent answer for
 * many kinds: without `open`, `opendir`, `access`, `flush`, `fsync`, `lseek`, `fallocate`, `copyFileRange` or the xattr handlers they are never
 * asked for again, and the kernel does what it does without. Handlers throw an `Errno`; errors of `node:fs` keep their number,
 * anything else is EIO.
 *
 * Names, link targets and names of attributes are bytes, one to a character ("latin1"): the kernel knows no encoding.
 * A node that was told of (by `lookup`, `mknod`, `mkdir`, `symlink`, `link`, `create`, or in `readdirplus`) is known to the
 * kernel until `forget` has given back as many references; until then its id means the same node, names or not.
 */
export interface FileSystem {
  /** Clears set-user-id and set-group-id bits itself: on chown, on writes and on truncation as asked. Saves a request for each write. */
  readonly killsPrivileges?: boolean | undefined;
  /** `open` and `create` may tell of native files: see `Opened.backingFd`, and `Mount.passthrough` for whether the kernel plays along. */
  readonly passthrough?: boolean | undefined;
  /** `undefined`: no such name, to be asked again. Throw ENOENT for the same. */
  lookup?(parent: number, name: string, caller: Caller): Answer<Entry | NegativeEntry | undefined>;
  /** Gives `count` references back. Is not answered. */
  forget?(nodeId: number, count: number): void;
  getattr?(nodeId: number, handle: number | undefined, caller: Caller): Answer<TimedAttributes>;
  setattr?(nodeId: number, change: AttributeChange, caller: Caller): Answer<TimedAttributes>;
  readlink?(nodeId: number, caller: Caller): Answer<string>;
  symlink?(parent: number, name: string, target: string, caller: Caller): Answer<Entry>;
  mknod?(parent: number, name: string, mode: number, rdev: number, caller: Caller): Answer<Entry>;
  mkdir?(parent: number, name: string, mode: number, caller: Caller): Answer<Entry>;
  unlink?(parent: number, name: string, caller: Caller): Answer<void>;
  rmdir?(parent: number, name: string, caller: Caller): Answer<void>;
  /** @param flags those of renameat2: 1 is RENAME_NOREPLACE, 2 RENAME_EXCHANGE, 4 RENAME_WHITEOUT */
  rename?(
    parent: number,
    name: string,
    newParent: number,
    newName: string,
    flags: number,
    caller: Caller,
  ): Answer<void>;
  link?(nodeId: number, newParent: number, newName: string, caller: Caller): Answer<Entry>;
  /** @param flags those of open, without O_CREAT, O_EXCL and O_TRUNC: truncation comes as `setattr` */
  open?(nodeId: number, flags: number, caller: Caller): Answer<Opened>;
  create?(
    parent: number,
    name: string,
    mode: number,
    flags: number,
    caller: Caller,
  ): Answer<Opened & { entry: Entry }>;
  /** Bytes from `offset`, fewer than asked for at the end only. Several parts go out as one. They are read before the next request is. */
  read?(
    nodeId: number,
    handle: number,
    offset: number,
    sizeBytes: number,
    caller: Caller,
  ): Answer<Uint8Array | readonly Uint8Array[]>;
  /**
   * Writes all of `data`, or tells how much. `data` is a view that is valid until the handler's first `await`: copy what is kept.
   * @param writeFlags `WRITE_KILL_SUIDGID` where set-user-id bits are to be cleared
   */
  write?(
    nodeId: number,
    handle: number,
    offset: number,
    data: Uint8Array,
    writeFlags: number,
    caller: Caller,
  ): Answer<number>;
  /** A descriptor is closed; there may be others. */
  flush?(nodeId: number, handle: number, caller: Caller): Answer<void>;
  /** The last descriptor is closed. Nobody sees an error. */
  release?(nodeId: number, handle: number): Answer<void>;
  fsync?(nodeId: number, handle: number, dataOnly: boolean, caller: Caller): Answer<void>;
  opendir?(nodeId: number, flags: number, caller: Caller): Answer<Opened>;
  /**
   * Entries from `offset` (0, or the `nextOffset` of one that was told), with `plus` with nodes. Those that have room in the answer are
   * taken; `.` and `..` belong to them, without node. References count only for the entries taken, for each of which `referenced` is called.
   */
  readdir?(
    nodeId: number,
    handle: number,
    offset: number,
    plus: boolean,
    caller: Caller,
  ): Answer<Iterable<DirectoryEntry>>;
  /** A node of a `readdir` answer has reached the kernel, which holds one more reference. */
  referenced?(nodeId: number): void;
  releasedir?(nodeId: number, handle: number): Answer<void>;
  fsyncdir?(nodeId: number, handle: number, dataOnly: boolean, caller: Caller): Answer<void>;
  statfs?(nodeId: number, caller: Caller): Answer<FileSystemStatistics>;
  /** @param flags 1 is XATTR_CREATE, 2 XATTR_REPLACE. `value` is a view as in `write`. */
  setxattr?(nodeId: number, name: string, value: Uint8Array, flags: number, caller: Caller): Answer<void>;
  /** Throws ENODATA where there is none. */
  getxattr?(nodeId: number, name: string, caller: Caller): Answer<Uint8Array>;
  listxattr?(nodeId: number, caller: Caller): Answer<readonly string[]>;
  removexattr?(nodeId: number, name: string, caller: Caller): Answer<void>;
  /** Asked only where a mount is without `defaultPermissions`. */
  access?(nodeId: number, mask: number, caller: Caller): Answer<void>;
  /** @param whence 3 is SEEK_DATA, 4 SEEK_HOLE: the kernel does the others. Throws ENXIO beyond the end. */
  lseek?(nodeId: number, handle: number, offset: number, whence: number, caller: Caller): Answer<number>;
  /** @param mode bits of `fallocate(2)` */
  fallocate?(
    nodeId: number,
    handle: number,
    offset: number,
    lengthBytes: number,
    mode: number,
    caller: Caller,
  ): Answer<void>;
  copyFileRange?(
    source: FilePosition,
    target: FilePosition,
    lengthBytes: number,
    caller: Caller,
  ): Answer<number>;
  /** The mount has ended; open handles and references are void. */
  destroy?(): Answer<void>;
}

/** A place in an open file. */
export interface FilePosition {
  readonly nodeId: number;
  readonly handle: number;
  readonly offset: number;
}

/** Attributes and how long the kernel may keep them. */
export interface TimedAttributes {
  readonly attributes: Attributes;
  readonly timeoutMs: number;
}

/** A name that does not exist, and for how long the kernel may remember that. */
export interface NegativeEntry {
  readonly absentForMs: number;
}

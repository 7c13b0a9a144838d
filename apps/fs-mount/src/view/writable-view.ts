import type { Answer, OpenFile, Time, View, ViewNode, Waiting } from "./view.ts";

/** Something to be made. */
export interface NewNode {
  /** Type and permissions. */
  readonly mode: number;
  /** Default: the mount's. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly rdev?: number | undefined;
  /** Of a symbolic link, bytes one to a character. */
  readonly target?: string | undefined;
}

/** What is to be changed of a node; what is not named stays. */
export interface AttributeChange {
  /** Permissions. */
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly atime?: Time | "now" | undefined;
  readonly mtime?: Time | "now" | undefined;
}

/** The disk that local changes are kept on. */
export interface ViewSpace {
  readonly blockSizeBytes: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly availableBlocks: number;
  readonly files: number;
  readonly freeFiles: number;
}

/**
 * A view whose files can be changed. What a change has done is kept through the end of the process as soon as it returns; a change
 * that throws has done nothing. Methods throw `Refusal`s, errors of `node:fs` whose `code` is the number's name (ENOSPC), and where
 * they wait for content or a tree what the source throws.
 */
export interface WritableView extends View {
  /** Opens a file that is to be written to: its content is fetched when somebody reads it. Throws EISDIR, ELOOP, EPERM. */
  openForWriting(node: ViewNode): OpenFile;
  /** Makes a file, directory, link or special file. Throws EEXIST, ENOENT, EINVAL, ENAMETOOLONG, ENOTDIR. */
  make(directory: ViewNode, name: string, made: NewNode, waiting?: Waiting): Answer<ViewNode>;
  /** One more name for a file. Throws EEXIST, EPERM, ENOENT, ENAMETOOLONG, ENOTDIR. */
  link(node: ViewNode, directory: ViewNode, name: string, waiting?: Waiting): Answer<ViewNode>;
  /** Takes a name away; `rmdir` that of an empty directory. Throws ENOENT, EBUSY, EISDIR, ENOTDIR, ENOTEMPTY. */
  remove(directory: ViewNode, name: string, how: "unlink" | "rmdir", waiting?: Waiting): Answer<void>;
  /**
   * Moves a name, with all that is below it.
   * @param flags 1 is RENAME_NOREPLACE, 2 RENAME_EXCHANGE
   * Throws ENOENT, EBUSY, EEXIST, EINVAL, EISDIR, ENOTDIR, ENOTEMPTY, ENAMETOOLONG.
   */
  rename(
    from: ViewNode,
    name: string,
    to: ViewNode,
    newName: string,
    flags: number,
    waiting?: Waiting,
  ): Answer<void>;
  /** Changes owner, permissions and times. Throws EPERM. */
  setAttributes(node: ViewNode, change: AttributeChange): void;
  /** Cuts a file, or lets it grow by zeros. Throws EPERM, EFBIG, EINVAL, EISDIR. */
  truncate(node: ViewNode, sizeBytes: number, waiting?: Waiting): Answer<void>;
  /**
   * Writes `data`, all of it but where the disk is full: then what there was room for.
   * @param offset `"end"` is where the file ends when it is written to
   * @param data is copied where this waits
   * @returns bytes written
   * Throws EPERM, EFBIG, EINVAL, EISDIR.
   */
  write(node: ViewNode, offset: number | "end", data: Uint8Array, waiting?: Waiting): Answer<number>;
  /** Puts a node, with its names, where it survives a loss of power. */
  sync(node: ViewNode): Promise<void>;
  /** @param flags 1 is XATTR_CREATE, 2 XATTR_REPLACE. Throws EEXIST, ENODATA, ENOSPC, EOPNOTSUPP, EPERM. */
  setXattr(node: ViewNode, name: string, value: Uint8Array, flags: number): void;
  /** Throws ENODATA, EOPNOTSUPP. */
  getXattr(node: ViewNode, name: string): Uint8Array;
  listXattrs(node: ViewNode): readonly string[];
  /** Throws ENODATA, EOPNOTSUPP, EPERM. */
  removeXattr(node: ViewNode, name: string): void;
  readonly space: ViewSpace;
  close(): Promise<void>;
}

/** A point in time: whole seconds since 1970, which may be negative, and nanoseconds within the second. */
export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What `stat` tells of a node (`fuse_attr`). */
export interface Attributes {
  readonly ino: number;
  readonly sizeBytes: number;
  /** Space taken, in units of 512 bytes. */
  readonly blocks: number;
  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time;
  /** Type and permissions, as in `st_mode`. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly blockSizeBytes: number;
}

/** A node as LOOKUP and its like tell of it (`fuse_entry_out`). Telling it takes one reference, which FORGET gives back. */
export interface Entry {
  /** Never 0; a number up to 2^53. */
  readonly nodeId: number;
  /** Differs where a node id is used again. Default 0. */
  readonly generation?: number | undefined;
  readonly attributes: Attributes;
  /** How long the kernel may keep the name, in milliseconds. */
  readonly entryTimeoutMs: number;
  /** How long the kernel may keep the attributes, in milliseconds. */
  readonly attributesTimeoutMs: number;
}

/** One line of a directory. */
export interface DirectoryEntry {
  /** Bytes of the name, one to a character. */
  readonly name: string;
  readonly ino: number;
  /** The type bits of `st_mode`. */
  readonly mode: number;
  /** Where reading goes on behind this entry: any number but 0. */
  readonly nextOffset: number;
  /** The node, for READDIRPLUS; without it the kernel looks the name up when it wants it. */
  readonly entry?: Entry | undefined;
}

/** What `statfs` tells. */
export interface FileSystemStatistics {
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly availableBlocks: number;
  readonly files: number;
  readonly freeFiles: number;
  readonly blockSizeBytes: number;
  readonly maxNameBytes: number;
}

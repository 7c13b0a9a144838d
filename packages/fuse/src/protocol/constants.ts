/** Numbers of the kernel's interface, as `include/uapi/linux/fuse.h` of version 7.45 defines them. */

export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
} as const;

/** Bits of `fuse_init_in.flags` that this package asks for or knows. */
export const INIT_FLAG = {
  ASYNC_READ: 0x1,
  BIG_WRITES: 0x20,
  DO_READDIRPLUS: 0x2000,
  READDIRPLUS_AUTO: 0x4000,
  ASYNC_DIO: 0x8000,
  PARALLEL_DIROPS: 0x40000,
  MAX_PAGES: 0x400000,
  CACHE_SYMLINKS: 0x800000,
  HANDLE_KILLPRIV_V2: 0x10000000,
  /** There are further bits in `flags2`. */
  INIT_EXT: 0x40000000,
} as const;

/** The bit of `fuse_init_in.flags2` (7.40, Linux 6.9) for opens that lead past the server to a native file. */
export const PASSTHROUGH_FLAG2 = 0x20;

/** Bits of `fuse_setattr_in.valid`: which attributes are to change. */
export const SET = {
  MODE: 0x1,
  UID: 0x2,
  GID: 0x4,
  SIZE: 0x8,
  ATIME: 0x10,
  MTIME: 0x20,
  FH: 0x40,
  ATIME_NOW: 0x80,
  MTIME_NOW: 0x100,
  CTIME: 0x400,
  KILL_SUIDGID: 0x800,
} as const;

/** Bits of an answer to OPEN, CREATE and OPENDIR. */
export const OPENED = { DIRECT_IO: 1, KEEP_CACHE: 2, NONSEEKABLE: 4, CACHE_DIR: 8, NOFLUSH: 32 } as const;

/** The bit of `fuse_write_in.write_flags` that asks for set-user-id and set-group-id bits to be cleared. */
export const WRITE_KILL_SUIDGID: number = 1 << 2;

/** What is in `error` of a message that answers nothing. */
export const NOTIFY = { INVAL_INODE: 2, INVAL_ENTRY: 3, STORE: 4, DELETE: 6 } as const;

/** The node id of a mount's root. */
export const ROOT_ID = 1;

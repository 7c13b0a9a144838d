/**
 * The Linux FUSE protocol: `mount` serves a file system of yours, node by node, from a thread of its own.
 *
 * @packageDocumentation
 */
export { Errno, type ErrnoName, errnoOf } from "./errno.ts";
export { FuseError, type FuseErrorCode } from "./errors.ts";
export type {
  Answer,
  Caller,
  FilePosition,
  FileSystem,
  NegativeEntry,
  Opened,
  TimedAttributes,
} from "./file-system.ts";
export { type Mount, mount } from "./mount/mount.ts";
export type { Notifier } from "./mount/notifier.ts";
export { removeStaleMount } from "./mount/stale.ts";
export { OPENED, ROOT_ID, WRITE_KILL_SUIDGID } from "./protocol/constants.ts";
export type { AttributeChange } from "./protocol/decode.ts";
export type { Agreement } from "./protocol/negotiate.ts";
export type { Notification } from "./protocol/notify.ts";
export type { Attributes, DirectoryEntry, Entry, FileSystemStatistics, Time } from "./protocol/types.ts";
export { MountOptions } from "./schema.ts";
export { Session, type SessionOptions } from "./session/session.ts";
export { MEMORY_FILE_SYSTEM } from "./worker-files.ts";

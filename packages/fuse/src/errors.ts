/** What can go wrong around a mount; each code has a line in the README. */
export type FuseErrorCode =
  /** A message from the kernel is shorter than its kind, or than it says. */
  | "FUSE_SHORT_MESSAGE"
  /** A message has a name without an end, a count that is not true, or a number beyond 2^53. */
  | "FUSE_BAD_MESSAGE"
  /** The kernel speaks another major version, or one older than 7.31. */
  | "FUSE_UNSUPPORTED_KERNEL"
  /** There is no /dev/fuse, or it may not be opened. */
  | "FUSE_UNAVAILABLE"
  /** Whoever asks may not mount this: no CAP_SYS_ADMIN, somebody else's directory, an option that is for root. */
  | "FUSE_NOT_PERMITTED"
  /** `fusermount3` is missing or has no rights of its own. */
  | "FUSE_HELPER_UNUSABLE"
  /** koffi is missing, which ordinary users need. */
  | "FUSE_NATIVE_MISSING"
  /** `mount`, `umount` or `fusermount3` refused; its words are in the message. */
  | "FUSE_MOUNT_FAILED"
  /** Somebody uses the mount. */
  | "FUSE_BUSY"
  /** The worker died, or the file system's module could not be loaded. */
  | "FUSE_WORKER_FAILED"
  /** A request was not answered within `hungAfterMs`. */
  | "FUSE_HUNG"
  /** More notifications wait than may. */
  | "FUSE_OVERLOADED"
  /** The mount has ended. */
  | "FUSE_ENDED";

/** The one error class about messages and mounts; tell faults apart by `code`. Answers to requests are `Errno`s. */
export class FuseError extends Error {
  override readonly name = "FuseError";
  readonly code: FuseErrorCode;

  constructor(code: FuseErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

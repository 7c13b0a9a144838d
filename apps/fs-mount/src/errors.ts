/** What can go wrong around a mounted repository; each code has a line in the README. */
export type MountErrorCode =
  /** A tree cannot be shown: it is malformed, or has a name that no folder can have. */
  | "MOUNT_BAD_TREE"
  /** What lies where the git directory is to be is not ours, or is damaged; or a name leads to no commit. */
  | "MOUNT_BAD_STATE"
  /** The hydrator has been stopped. */
  | "MOUNT_STOPPED"
  /** A fetch brought nothing for too long. */
  | "MOUNT_FETCH_STALLED"
  /** A blob was fetched and did not come. */
  | "MOUNT_BLOB_MISSING"
  /** What came for a blob is not what its id says. */
  | "MOUNT_BLOB_DAMAGED"
  /** A blob is larger than its reader takes. */
  | "MOUNT_BLOB_TOO_LARGE"
  /** The disk of the cache is full, and nothing that could go is left. */
  | "MOUNT_CACHE_FULL"
  /** The store of local changes is not as it was written, or of a newer version. */
  | "MOUNT_OVERLAY_DAMAGED"
  /** Another process works on the same state folder. */
  | "MOUNT_STATE_LOCKED"
  /** A state folder could not be locked: there is no program that can. */
  | "MOUNT_STATE_UNLOCKABLE";

/** The one error class of this app; tell faults apart by `code`. Answers to the kernel are `Errno`s. */
export class MountError extends Error {
  override readonly name = "MountError";
  readonly code: MountErrorCode;
  /** The object that is at fault. */
  readonly oid: string | undefined;

  constructor(
    code: MountErrorCode,
    message: string,
    detail: { readonly oid?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.oid = detail.oid;
  }
}

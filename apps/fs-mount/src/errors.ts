/** What can go wrong around a mounted repository; each code has a line in the README. */
export type MountErrorCode =
  /** An address has a password, a token, a query or a fragment in it, or is nearly a URL. */
  | "MOUNT_ADDRESS_REFUSED"
  /** A tree cannot be shown: it is malformed, or has a name that no folder can have. */
  | "MOUNT_BAD_TREE"
  /** What lies where the git directory is to be is not ours, or is damaged; or a name leads to no commit. */
  | "MOUNT_BAD_STATE"
  /** What is to be in a sparse checkout with all that is below it is a file. */
  | "MOUNT_NO_DIRECTORY"
  /** A git directory that was brought is not one that a mount can work on; it says why. */
  | "MOUNT_PREPARED_REFUSED"
  /** git cannot read what is in a git directory that was brought; its words are in the message. */
  | "MOUNT_PREPARED_DAMAGED"
  /** A branch of a git directory that was brought has commits that the remote one has not, and the other way round. */
  | "MOUNT_NOT_FAST_FORWARD"
  /** What is staged in a git directory that was brought does not go with the commit that is to be mounted. */
  | "MOUNT_INDEX_CONFLICT"
  /** What a name leads to is not the commit that was required. */
  | "MOUNT_SOURCE_CHANGED"
  /** git asks for a remote repository that its helper cannot reach: the address is none of a bucket. */
  | "MOUNT_BAD_REMOTE"
  /** What a mount follows is not there any more in the remote repository. */
  | "MOUNT_REF_GONE"
  /** The program git has failed; its words are in the message. */
  | "MOUNT_GIT_FAILED"
  /** The hydrator has been stopped. */
  | "MOUNT_STOPPED"
  /** A fetch brought nothing for too long. */
  | "MOUNT_FETCH_STALLED"
  /** A blob was fetched and did not come. */
  | "MOUNT_BLOB_MISSING"
  /** A server of git-lfs could not be asked, or refused a file. */
  | "MOUNT_LFS_FAILED"
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
  | "MOUNT_STATE_UNLOCKABLE"
  /** No daemon runs on the state folder. */
  | "MOUNT_NO_DAEMON"
  /** The path of the daemon's socket is longer than the system takes. */
  | "MOUNT_SOCKET_PATH"
  /** What was asked of the daemon, or what it answered, is malformed or too long. */
  | "MOUNT_BAD_REQUEST"
  /** Nothing of that name is registered. */
  | "MOUNT_UNKNOWN_NAME"
  /** The name or the directory is another repository's already. */
  | "MOUNT_NAME_TAKEN"
  /** What is registered was changed meanwhile. */
  | "MOUNT_ROW_CHANGED"
  /** What was asked for needs a mount, and there is none now. */
  | "MOUNT_NOT_MOUNTED"
  /** It is registered as one whose remote repository is never looked at. */
  | "MOUNT_NOT_REFRESHED"
  /** A mount for another user: who asks may not have it, or that user cannot get to where it is kept. */
  | "MOUNT_OWNER_REFUSED"
  /** The directory is a mount already, of somebody else. */
  | "MOUNT_DIRECTORY_TAKEN"
  /** A path cannot be redirected to the native disk, or is not. */
  | "MOUNT_REDIRECT_REFUSED"
  /** A path could not be redirected to the native disk, or brought back: all is as it was. */
  | "MOUNT_REDIRECT_FAILED";

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

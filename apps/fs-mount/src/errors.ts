/** What can go wrong around a mounted repository; each code has a line in the README. */
export type MountErrorCode =
  /** A tree cannot be shown: it is malformed, or has a name that no folder can have. */
  | "MOUNT_BAD_TREE"
  /** The hydrator has been stopped. */
  | "MOUNT_STOPPED";

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

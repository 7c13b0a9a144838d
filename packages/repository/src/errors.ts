/** What can go wrong above a backend; each code has a line in the README. */
export type RepositoryErrorCode =
  /** An object that the repository should have is not there. */
  | "REPOSITORY_OBJECT_MISSING"
  /** A want that this repository does not have. */
  | "REPOSITORY_NOT_OUR_REF"
  /** An object has another type than its place demands. */
  | "REPOSITORY_WRONG_TYPE"
  /** A pushed object failed fsck. */
  | "REPOSITORY_FSCK_FAILED"
  /** What the configuration says of fsck cannot be meant, or a list that it names cannot be read. */
  | "REPOSITORY_BAD_FSCK_RULES"
  /** A client asks for what cannot be selected or does not resolve; `clientMessage` tells it. */
  | "REPOSITORY_BAD_REQUEST";

export interface RepositoryErrorDetail {
  readonly cause?: unknown;
  readonly oid?: string | undefined;
  /** What the client may read of it. */
  readonly clientMessage?: string | undefined;
}

/** The one error class of this package; tell faults apart by `code`. */
export class RepositoryError extends Error {
  override readonly name = "RepositoryError";
  readonly code: RepositoryErrorCode;
  readonly oid: string | undefined;
  readonly clientMessage: string | undefined;

  constructor(code: RepositoryErrorCode, message: string, detail: RepositoryErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.oid = detail.oid;
    this.clientMessage = detail.clientMessage;
  }
}

/** Refuses a request in words that the client reads. */
export function badRequest(clientMessage: string, cause?: unknown): RepositoryError {
  return new RepositoryError("REPOSITORY_BAD_REQUEST", clientMessage, { clientMessage, cause });
}

/** What can go wrong in a backend; each code has a line in the README. */
export type StorageErrorCode =
  /** No such repository, pack or file. */
  | "STORAGE_NOT_FOUND"
  /** A repository of this name is there already. */
  | "STORAGE_EXISTS"
  /** A name that this backend refuses: empty, absolute, with `..`, control characters or a reserved ending. */
  | "STORAGE_BAD_NAME"
  /** What is stored does not parse. */
  | "STORAGE_CORRUPT"
  /** Access was refused: never the same as absent. */
  | "STORAGE_FORBIDDEN"
  /** The stage has expired, was discarded, is not sealed or belongs to another store. */
  | "STORAGE_STAGE_EXPIRED"
  /** Somebody else is tidying the repository up, `git gc` say: come again later. */
  | "STORAGE_BUSY"
  /** Reading or writing failed; the disk is full, say. */
  | "STORAGE_IO"
  /** An answer was lost: the change may or may not have happened. */
  | "STORAGE_OUTCOME_UNKNOWN"
  /** Asked of a backend that does not declare the capability, or of a repository format it does not know. */
  | "STORAGE_UNSUPPORTED";

/** What the fault was about, as far as it is known. */
export interface StorageErrorDetail {
  readonly cause?: unknown;
  /** The repository, pack, file or key. */
  readonly key?: string | undefined;
}

/** What somebody far away is told, who can see neither the server nor its log. */
const clientMessages: Readonly<Record<StorageErrorCode, string>> = {
  STORAGE_NOT_FOUND: "a part of this repository is missing; whoever runs the server must look",
  STORAGE_EXISTS: "there is a repository of this name already",
  STORAGE_BAD_NAME: "no repository can have this name",
  // In git's own words, which tools know.
  STORAGE_CORRUPT: "aborting due to possible repository corruption on the remote side.",
  STORAGE_FORBIDDEN: "the server has no access to this repository; whoever runs it must look",
  STORAGE_STAGE_EXPIRED: "this took too long: push again",
  STORAGE_BUSY: "this repository is being tidied up: try again later",
  STORAGE_IO: "the server's storage does not work at the moment: try again later",
  STORAGE_OUTCOME_UNKNOWN: "this may or may not have been done: look what is there before you try again",
  STORAGE_UNSUPPORTED: "this repository needs another version of the server",
};

/** The one error class of all storage backends; tell faults apart by `code`. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;
  readonly key: string | undefined;
  /** Words for the client of a server, who is to learn no path and no key. */
  readonly clientMessage: string;

  constructor(code: StorageErrorCode, message: string, detail: StorageErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.key = detail.key;
    this.clientMessage = clientMessages[code];
  }
}

/** What can be wrong with a pack, an index or an object; each code has a line in the README. */
export type PackErrorCode =
  /** The stream ended inside the pack. */
  | "PACK_TRUNCATED"
  /** Not a pack, or a version other than 2 and 3. */
  | "PACK_BAD_HEADER"
  /** An entry's type, size or deflate stream is malformed. */
  | "PACK_CORRUPT"
  /** The trailer does not match the bytes. */
  | "PACK_CHECKSUM_MISMATCH"
  /** Bytes follow the trailer. */
  | "PACK_TRAILING_BYTES"
  /** A delta names a base that neither the pack nor the repository has. */
  | "PACK_MISSING_BASE"
  /** A delta's instructions do not fit its base or its result. */
  | "PACK_BAD_DELTA"
  /** The same object twice in one pack. */
  | "PACK_DUPLICATE_OBJECT"
  /** A bound of `PackLimits` was passed. */
  | "PACK_LIMIT_EXCEEDED"
  /** An index file, a bitmap or a commit-graph is malformed or does not belong to its pack. */
  | "PACK_BAD_INDEX"
  /** A graph is malformed or does not belong to its pack, or the pack's objects make none. */
  | "PACK_BAD_GRAPH"
  /** An object's content does not parse. */
  | "PACK_BAD_OBJECT"
  /** The object asked for is not here. */
  | "PACK_OBJECT_NOT_FOUND"
  /** Text that is not an object id of this format. */
  | "PACK_BAD_OID"
  /** Text that is not an object filter. */
  | "PACK_BAD_FILTER"
  /** An object's bytes are half of a SHA-1 collision. */
  | "PACK_COLLISION";

/** Where the fault lies, as far as it is known. */
export interface PackErrorDetail {
  readonly cause?: unknown;
  /** Byte offset in the pack or file. */
  readonly offset?: number | undefined;
  readonly oid?: string | undefined;
}

/** The one error class of this package; tell faults apart by `code`. */
export class PackError extends Error {
  override readonly name = "PackError";
  readonly code: PackErrorCode;
  readonly offset: number | undefined;
  readonly oid: string | undefined;

  constructor(code: PackErrorCode, message: string, detail: PackErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.offset = detail.offset;
    this.oid = detail.oid;
  }
}

/** What the view answers where it cannot do as asked: names of error numbers, as every front end knows them. */
export type RefusalCode =
  | "EACCES"
  | "EBUSY"
  | "EEXIST"
  | "EFBIG"
  | "EINVAL"
  | "EIO"
  | "EISDIR"
  | "ELOOP"
  | "ENAMETOOLONG"
  | "ENODATA"
  | "ENOENT"
  | "ENOSPC"
  | "ENOTDIR"
  | "ENOTEMPTY"
  | "EOPNOTSUPP"
  | "EPERM"
  | "ESTALE";

/** An answer of the view, and no fault of it. It has no stack: many are part of plain work. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;

  constructor(code: RefusalCode) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(code);
    Error.stackTraceLimit = limit;
    this.code = code;
  }
}

import type { Oid } from "@millrace/pack";
import type { Promisor } from "./promisor.ts";

/** What can go wrong with promised objects; each code has a line in the README. */
export type PromisorErrorCode =
  /** An object was fetched and did not come. */
  | "PROMISOR_OBJECT_MISSING"
  /** What was asked for is told of local objects only, and this one is not. */
  | "PROMISOR_NOT_LOCAL"
  /** The cache holds more than it may, with nothing left to be dropped. */
  | "PROMISOR_OVERFULL"
  /** A tree is malformed, or has names that no folder can have. */
  | "PROMISOR_BAD_TREE"
  /** A name that no object, or more than one, goes by. */
  | "PROMISOR_UNKNOWN_NAME"
  /** There is nothing at this path. */
  | "PROMISOR_NOT_FOUND"
  /** A path leads to another kind of thing than asked for: a folder for a file, say. */
  | "PROMISOR_WRONG_KIND"
  /** A line is longer than a text can be. */
  | "PROMISOR_TOO_LONG"
  /** An argument that makes no sense. */
  | "PROMISOR_BAD_ARGUMENT";

/** What an error knows beside. */
export interface PromisorErrorDetail {
  readonly cause?: unknown;
  readonly oid?: Oid | undefined;
  /** The promisor as it is in spite of the error, where it has grown. */
  readonly promisor?: Promisor | undefined;
}

/** The one error class of this package; tell faults apart by `code`. What a fetch throws passes through unchanged. */
export class PromisorError extends Error {
  override readonly name = "PromisorError";
  readonly code: PromisorErrorCode;
  readonly oid: Oid | undefined;
  readonly promisor: Promisor | undefined;

  constructor(code: PromisorErrorCode, message: string, detail: PromisorErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.oid = detail.oid;
    this.promisor = detail.promisor;
  }
}

/** An object that nobody has. */
export function objectMissing(oid: Oid, detail: PromisorErrorDetail = {}): PromisorError {
  return new PromisorError("PROMISOR_OBJECT_MISSING", `object ${oid} did not come`, { ...detail, oid });
}

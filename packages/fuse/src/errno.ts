import { constants } from "node:os";

/** Names of error numbers, as `errno.h` has them. */
export type ErrnoName = keyof typeof constants.errno | "ENOATTR";

const numbers: Readonly<Record<string, number>> = { ...constants.errno, ENOATTR: constants.errno.ENODATA };

/** Throw it in a handler to answer a request with an error number. It has no stack: many are part of plain work. */
export class Errno extends Error {
  override readonly name = "Errno";
  readonly code: ErrnoName;

  constructor(code: ErrnoName) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(code);
    Error.stackTraceLimit = limit;
    this.code = code;
  }
}

/**
 * The number to answer with for whatever a handler threw: that of its `code` if it is one of `errno.h` (Node's own
 * errors of `node:fs` have one), EINTR for an abort, EIO for anything else.
 */
export function errnoOf(error: unknown): number {
  if (typeof error !== "object" || error === null) return constants.errno.EIO;
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === "string" && Object.hasOwn(numbers, code)) return numbers[code] ?? constants.errno.EIO;
  return name === "AbortError" ? constants.errno.EINTR : constants.errno.EIO;
}

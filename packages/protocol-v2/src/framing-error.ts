import { clientError, type ProtocolError } from "./errors.ts";
import { printable } from "./printable.ts";

/** A packet that cannot be read, in git's words where the codec has them. */
export function framingError(cause: unknown): ProtocolError {
  const reason = cause instanceof Error ? printable(cause.message) : "bad packet";
  return clientError("PROTOCOL_BAD_FRAMING", `protocol error: ${reason}`, cause);
}

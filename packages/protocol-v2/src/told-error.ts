import type { ProtocolError } from "./errors.ts";

/** Carries an error that the client has been told of already past the code that would tell it. */
export class ToldError extends Error {
  readonly error: ProtocolError;

  constructor(error: ProtocolError) {
    super(error.message, { cause: error });
    this.error = error;
  }
}

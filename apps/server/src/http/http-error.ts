import { StorageError } from "@millrace/storage";

/** A refusal that becomes a status and a line of text. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The status and text for whatever went wrong before the answer began; inner faults tell nothing of themselves. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof StorageError) {
    if (error.code === "STORAGE_NOT_FOUND" || error.code === "STORAGE_BAD_NAME") {
      return new HttpError(404, "Repository not found");
    }
    if (error.code === "STORAGE_FORBIDDEN") return new HttpError(403, "Forbidden");
  }
  return new HttpError(500, "Internal server error");
}

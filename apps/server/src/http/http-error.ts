import { StorageError, type StorageErrorCode } from "@millrace/storage";

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

/** Faults of a storage that have a status of their own. */
const statuses: Readonly<Partial<Record<StorageErrorCode, number>>> = {
  STORAGE_NOT_FOUND: 404,
  STORAGE_BAD_NAME: 404,
  STORAGE_BUSY: 503,
  STORAGE_IO: 503,
};

/** The status and text for whatever went wrong before the answer began; inner faults tell nothing of themselves. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (!(error instanceof StorageError)) return new HttpError(500, "Internal server error");
  const status = statuses[error.code] ?? 500;
  return new HttpError(status, status === 404 ? "Repository not found" : error.clientMessage);
}

import { StorageError } from "@millrace/storage";

/** What an answer that is none of the wanted kind means. */
export type FaultKind =
  /** There is nothing under the key. */
  | "absent"
  /** It is what the asker has already: 304. */
  | "unchanged"
  /** Another writer was first, or is being served: 412, 409. */
  | "lost"
  /** May go well next time: throttling, 5xx, broken connections, timeouts. */
  | "transient"
  /** Will not go well next time either. */
  | "final";

const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const TRANSIENT_NAMES: ReadonlySet<string> = new Set([
  "RequestTimeout",
  "SlowDown",
  "ThrottlingException",
  "TimeoutError",
]);

/** Tells what the SDK threw. Errors without an answer of the store are broken connections, but for those of the SDK itself. */
export function kindOf(error: unknown): FaultKind {
  const status = statusOf(error);
  const name = nameOf(error);
  if (name === "NoSuchBucket") return "final";
  // From its answer the SDK knows the store's time, and signs with that the next time.
  if (name === "RequestTimeTooSkewed") return isClockCorrected(error) ? "transient" : "final";
  if (status === 404 || name === "NoSuchKey") return "absent";
  if (status === 304) return "unchanged";
  if (status === 412 || status === 409) return "lost";
  if (status === undefined) return isOfSdk(error) ? "final" : "transient";
  return TRANSIENT_STATUS.has(status) || TRANSIENT_NAMES.has(name) ? "transient" : "final";
}

/** The error for a request that failed: it names the key and says what can be done. */
export function toStorageError(error: unknown, bucket: string, key: string): StorageError {
  const detail = { cause: error, key };
  const name = nameOf(error);
  const status = statusOf(error);
  const where = `s3://${bucket}/${key}`;
  if (name === "NoSuchBucket") {
    return new StorageError(
      "STORAGE_IO",
      `there is no bucket ${bucket}: make it, or name another one`,
      detail,
    );
  }
  if (name === "RequestTimeTooSkewed") {
    return new StorageError(
      "STORAGE_FORBIDDEN",
      `${where}: the server's clock and the store's differ by more than signatures allow: have it set`,
      detail,
    );
  }
  if (status === 401 || status === 403 || name === "CredentialsProviderError") {
    const why = status === undefined ? "no credentials were found" : `the store refuses access (${name})`;
    return new StorageError("STORAGE_FORBIDDEN", `${where}: ${why}: check keys and policies`, detail);
  }
  if (status === 404) return new StorageError("STORAGE_NOT_FOUND", `${where} is missing`, detail);
  if (status === 429 || status === 503) {
    return new StorageError(
      "STORAGE_IO",
      `${where}: the store has too much to do (${name}): try again later`,
      detail,
    );
  }
  const text = error instanceof Error ? error.message : String(error);
  return new StorageError("STORAGE_IO", `${where}: ${name}: ${text}`, detail);
}

function isClockCorrected(error: unknown): boolean {
  const { $metadata } = error as { readonly $metadata?: { readonly clockSkewCorrected?: unknown } };
  return $metadata?.clockSkewCorrected === true;
}

function statusOf(error: unknown): number | undefined {
  const status = (error as { $metadata?: { httpStatusCode?: unknown } } | null)?.$metadata?.httpStatusCode;
  return typeof status === "number" ? status : undefined;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "Error";
}

/** Thrown here and not by the network. */
function isOfSdk(error: unknown): boolean {
  return (
    error instanceof StorageError ||
    error instanceof TypeError ||
    nameOf(error) === "CredentialsProviderError"
  );
}

import { ProtocolError, type ProtocolErrorCode } from "../../errors.ts";

const TIMEOUTS = new Set(["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);
/** Faults of the way that may be gone a moment later. */
const TRANSIENT = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "ETIMEDOUT",
  "UND_ERR_SOCKET",
]);
const TRANSIENT_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What a request failed with, as an error of this package; an abort passes as it is. */
export function requestFault(cause: unknown, address: string, signal?: AbortSignal): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (cause instanceof ProtocolError) return cause;
  const { code = "" } = (cause ?? {}) as { readonly code?: string };
  if (TIMEOUTS.has(code)) {
    return new ProtocolError("PROTOCOL_TIMEOUT", `${address} did not answer in time`, {
      cause,
      transient: true,
    });
  }
  const why = code === "" ? "" : ` (${code})`;
  return new ProtocolError("PROTOCOL_UNREACHABLE", `no connection to ${address}${why}`, {
    cause,
    transient: TRANSIENT.has(code),
  });
}

/** What an answer's status says, beside 200. */
export function statusFault(
  status: number,
  address: string,
  words: string | undefined,
  retryAfterMs: number | undefined,
): ProtocolError {
  const said = words === undefined ? "" : `: ${words}`;
  return new ProtocolError(statusCode(status), `${address} answered ${status}${said}`, {
    status,
    remoteMessage: words,
    transient: TRANSIENT_STATUSES.has(status),
    retryAfterMs,
  });
}

function statusCode(status: number): ProtocolErrorCode {
  if (status === 401 || status === 403 || status === 407) return "PROTOCOL_UNAUTHORIZED";
  return status === 404 || status === 410 ? "PROTOCOL_NO_REPOSITORY" : "PROTOCOL_BAD_STATUS";
}

/** A `Retry-After` header in milliseconds (RFC 9110, 10.2.3). */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

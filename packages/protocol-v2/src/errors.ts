import { withoutControls } from "./printable.ts";

/** What can go wrong in a conversation; each code has a line in the README. */
export type ProtocolErrorCode =
  /** Bytes that are no pkt-line. */
  | "PROTOCOL_BAD_FRAMING"
  /** The client's bytes end inside a request. */
  | "PROTOCOL_TRUNCATED"
  /** A line, capability, command or argument that this server does not take, or not there. */
  | "PROTOCOL_BAD_REQUEST"
  /** The client works with another hash function than the repository. */
  | "PROTOCOL_OBJECT_FORMAT"
  /** Refs were to be advertised, in version 0 or 1, for a host that lists none. */
  | "PROTOCOL_UNSUPPORTED_VERSION"
  /** An object was wanted that is not served. */
  | "PROTOCOL_NOT_OUR_REF"
  /** A bound of the options was passed. */
  | "PROTOCOL_LIMIT_EXCEEDED"
  /** The repository behind the conversation failed; see `cause`. */
  | "PROTOCOL_HOST_FAILED"
  /** The caller ended the conversation, or left its output before the end. */
  | "PROTOCOL_ABORTED"
  /** No connection to the server, or it broke. */
  | "PROTOCOL_UNREACHABLE"
  /** The server did not answer in time. */
  | "PROTOCOL_TIMEOUT"
  /** The server wants other credentials, or does not let them in here. */
  | "PROTOCOL_UNAUTHORIZED"
  /** The server knows no such repository. */
  | "PROTOCOL_NO_REPOSITORY"
  /** The server sends elsewhere, where credentials must not follow. */
  | "PROTOCOL_REDIRECTED"
  /** The server answered with an HTTP status that says no more. */
  | "PROTOCOL_BAD_STATUS"
  /** The server's answer makes no sense. */
  | "PROTOCOL_BAD_ANSWER"
  /** The server says that it failed, or refuses; `remoteMessage` has its words. */
  | "PROTOCOL_REMOTE_FAILED"
  /** The server does not do what is asked for. */
  | "PROTOCOL_UNSUPPORTED";

/** The words a client may read, and the fault underneath. */
export interface ProtocolErrorDetail {
  readonly cause?: unknown;
  /** What the client may be told; absent, it is told nothing of this error. */
  readonly clientMessage?: string | undefined;
  /** What the server at the other end said, control characters removed. */
  readonly remoteMessage?: string | undefined;
  /** The status of the HTTP answer, where there was one. */
  readonly status?: number | undefined;
  /** Whether the same may succeed a little later. */
  readonly transient?: boolean | undefined;
  /** How long the server asks to wait before that, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** The one error class of this package; tell faults apart by `code`. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ProtocolErrorCode;
  /** Words that may reach a client: free of control characters and of anything the server keeps to itself. */
  readonly clientMessage: string | undefined;
  /** What the server at the other end said: untrusted words, free of control characters. */
  readonly remoteMessage: string | undefined;
  /** The status of the HTTP answer, where there was one. */
  readonly status: number | undefined;
  /** Whether the same may succeed a little later. */
  readonly transient: boolean;
  /** How long the server asks to wait before that, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ProtocolErrorCode, message: string, detail: ProtocolErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.clientMessage = detail.clientMessage;
    this.remoteMessage = detail.remoteMessage;
    this.status = detail.status;
    this.transient = detail.transient ?? false;
    this.retryAfterMs = detail.retryAfterMs;
  }
}

/** An error whose message is what the client reads. */
export function clientError(code: ProtocolErrorCode, message: string, cause?: unknown): ProtocolError {
  return new ProtocolError(code, message, { clientMessage: message, cause });
}

/**
 * What a host threw, as an error of this package. Words that are meant for clients come along in a string property
 * `clientMessage` of the thrown error; without it the client reads `fallback`.
 */
export function hostError(cause: unknown, fallback: string): ProtocolError {
  if (cause instanceof ProtocolError) return cause;
  const told = (cause as { clientMessage?: unknown } | null | undefined)?.clientMessage;
  const clientMessage = typeof told === "string" ? withoutControls(told) : fallback;
  return new ProtocolError("PROTOCOL_HOST_FAILED", "the repository failed during a conversation", {
    cause,
    clientMessage,
  });
}

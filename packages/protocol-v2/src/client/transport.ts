import type { PktReader } from "@millrace/pktline";
import type { ProtocolVersion } from "../protocol-version.ts";

/** What a server runs for a client (gitprotocol-pack, "Transports"). */
export type GitService = "git-upload-pack" | "git-receive-pack";

/** Bytes of a request: whole ones can be sent again, a stream cannot. */
export type RequestBody = Uint8Array | AsyncIterable<Uint8Array>;

/** What a conversation begins with. */
export interface OpenOptions {
  /** The protocol version to ask for. */
  readonly version: ProtocolVersion;
  /** Gives up the beginning; `signal.reason` is thrown then. */
  readonly signal?: AbortSignal | undefined;
}

/** A way to one repository, on another machine or in another process. */
export interface GitTransport extends AsyncDisposable {
  /** Where it leads, fit to be printed: without credentials. */
  readonly address: string;
  /**
   * Begins a conversation with a service.
   * Throws `PROTOCOL_UNREACHABLE`, `PROTOCOL_TIMEOUT`, `signal.reason`.
   */
  open(service: GitService, options: OpenOptions): Promise<Conversation>;
}

/**
 * One conversation with a service, which may carry one request after the other. What is read and sent throws
 * `PROTOCOL_UNREACHABLE`, `PROTOCOL_TIMEOUT`, `PROTOCOL_UNAUTHORIZED`, `PROTOCOL_NO_REPOSITORY`, `PROTOCOL_REDIRECTED`,
 * `PROTOCOL_BAD_STATUS`, `PROTOCOL_BAD_ANSWER`, and the reason of the signal, which ends it. Disposing ends it, too.
 */
export interface Conversation extends AsyncDisposable {
  /** Whether every request stands alone: the advertisement need not be read then. */
  readonly stateless: boolean;
  /** What the service says first. */
  advertisement(signal?: AbortSignal): Promise<Answer>;
  /** Sends a request; the answer may begin before all of it is sent. */
  request(body: RequestBody, signal?: AbortSignal): Promise<Answer>;
}

/** Packets that a server sends. Disposing of it before `done` gives up what carried it. */
export interface Answer extends AsyncDisposable {
  readonly packets: PktReader;
  /** Puts `***` for the secrets that the client was let in with, where a server says them back. */
  readonly conceal?: ((words: string) => string) | undefined;
  /** All that belongs to it was read: the connection may carry the next request. */
  done(): Promise<void>;
}

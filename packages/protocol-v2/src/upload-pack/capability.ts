import type { UploadPackHost } from "../host.ts";
import type { FilledUploadPackOptions } from "../schema.ts";

/** What an advertisement is made from: members that a host does not have are features that are not offered. */
export type AdvertisingHost = Pick<UploadPackHost, "objectFormat"> & Partial<UploadPackHost>;

/** What a capability needs to describe itself. */
export interface AdvertisingContext {
  readonly host: AdvertisingHost;
  /** What the server calls itself. */
  readonly agent: string;
}

/** What a client has said of itself so far. */
export interface HeardWords {
  agent: string | undefined;
  sessionId: string | undefined;
  readonly serverOptions: string[];
}

/** How the answer to a request is framed. */
export interface Framing {
  /** Every line, and what goes wrong, travels on a band (gitprotocol-v2, "sideband-all"). */
  banded: boolean;
}

/** What a command works with; one for each request. */
export interface CommandContext {
  readonly host: UploadPackHost;
  readonly options: FilledUploadPackOptions;
  /** Ends with the conversation. */
  readonly signal: AbortSignal;
  readonly client: HeardWords;
  readonly framing: Framing;
}

export function createCommandContext(
  host: UploadPackHost,
  options: FilledUploadPackOptions,
  signal: AbortSignal,
): CommandContext {
  const client = { agent: undefined, sessionId: undefined, serverOptions: [] };
  return { host, options, signal, client, framing: { banded: false } };
}

/** A command of a request while its arguments arrive. */
export interface CommandRequest {
  /** Takes one argument line; throws `PROTOCOL_BAD_REQUEST`, `PROTOCOL_LIMIT_EXCEEDED`. */
  argument(line: string): void;
  /** The whole answer, up to its flush. */
  answer(): AsyncIterable<Uint8Array>;
}

/**
 * One line of the capability advertisement, one file each (gitprotocol-v2, "Capabilities").
 * With `command` it is a command and may not be sent as a capability.
 */
export interface Capability {
  readonly name: string;
  /** The text behind `name=`; empty where there is none; `undefined` where it is not offered. */
  advertise(context: AdvertisingContext): string | undefined;
  /** Takes the capability as a client sent it; throws `PROTOCOL_BAD_REQUEST`. */
  receive?: ((value: string | undefined, context: CommandContext) => void) | undefined;
  /** Begins a request. */
  readonly command?: ((context: CommandContext) => CommandRequest) | undefined;
}

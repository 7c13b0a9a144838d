import type { ObjectFormat } from "@millrace/pack";
import type { UploadPackHost } from "../host.ts";
import type { FilledUploadPackOptions } from "../schema.ts";

/** What a capability needs to describe itself. */
export interface AdvertisingContext {
  readonly objectFormat: ObjectFormat;
  readonly agent: string;
}

/** What a command works with. */
export interface CommandContext {
  readonly host: UploadPackHost;
  readonly options: FilledUploadPackOptions;
  /** Ends with the conversation. */
  readonly signal: AbortSignal;
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

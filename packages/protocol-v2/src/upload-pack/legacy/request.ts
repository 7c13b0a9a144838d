import type { CommandContext } from "../capability.ts";
import { createFetchRequest, type FetchRequest } from "../fetch/request.ts";
import { type AckMode, singleAck } from "./ack-mode.ts";

/** What a client of version 0 or 1 asks for, before it says what it has. */
export interface LegacyRequest {
  readonly fetch: FetchRequest;
  ackMode: AckMode;
  /** The client needs no `done` to be sent a pack once it is told `ready`. */
  noDone: boolean;
  /** Data bytes of a packet; absent: the pack comes bare. */
  maxDataBytes: number | undefined;
  /** The client may send a `filter` line. */
  filter: boolean;
}

export function createLegacyRequest(context: CommandContext): LegacyRequest {
  return {
    fetch: createFetchRequest(context),
    ackMode: singleAck,
    noDone: false,
    maxDataBytes: undefined,
    filter: false,
  };
}

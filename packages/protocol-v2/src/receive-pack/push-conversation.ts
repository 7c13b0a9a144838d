import type { ReceivePackHost } from "../host.ts";
import type { RequestInput } from "../request-input.ts";
import type { FilledReceivePackOptions } from "../schema.ts";
import type { PushRequest } from "./push-request.ts";

/** A push whose commands are known. */
export interface PushConversation {
  readonly host: ReceivePackHost;
  readonly options: FilledReceivePackOptions;
  readonly requests: RequestInput;
  readonly request: PushRequest;
  /** Ends with the conversation. */
  readonly signal: AbortSignal;
}

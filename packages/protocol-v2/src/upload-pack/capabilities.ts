import { agent } from "./agent.ts";
import type { Capability } from "./capability.ts";
import { fetch } from "./fetch/fetch.ts";
import { lsRefs } from "./ls-refs.ts";
import { objectFormat } from "./object-format.ts";
import { objectInfo } from "./object-info.ts";
import { serverOption } from "./server-option.ts";
import { sessionId } from "./session-id.ts";

/** Everything this server can offer in version 2, in the order git tells it. */
export const capabilities: readonly Capability[] = [
  agent,
  lsRefs,
  fetch,
  serverOption,
  objectFormat,
  sessionId,
  objectInfo,
];

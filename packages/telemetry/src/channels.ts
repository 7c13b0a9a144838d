import { type Channel, channel, type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import { type EventName, eventNames, type SpanName, spanNames } from "./names.ts";

/** The five channels of each span: `tracing:millrace.<name>:start`, `end`, `asyncStart`, `asyncEnd`, `error`. */
export const spanChannels: Readonly<Record<SpanName, TracingChannel>> = Object.fromEntries(
  spanNames.map((name) => [name, tracingChannel(`millrace.${name}`)]),
) as Record<SpanName, TracingChannel>;

/** The channel of each event: `millrace.<name>`. */
export const eventChannels: Readonly<Record<EventName, Channel>> = Object.fromEntries(
  eventNames.map((name) => [name, channel(`millrace.${name}`)]),
) as Record<EventName, Channel>;

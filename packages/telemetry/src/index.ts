/** Spans and events over node:diagnostics_channel, with OpenTelemetry, Prometheus and pino adapters. */
export type { SpanHandle } from "./active-span.ts";
export { event } from "./event.ts";
export type { AnyEventMessage, AnySpanMessage, EventMessage, SpanMessage } from "./message.ts";
export {
  definitions,
  type EventName,
  eventNames,
  type MeasurementKey,
  type Measurements,
  type Metadata,
  type MetadataKey,
  type MetadataValue,
  type SpanName,
  spanNames,
  type TelemetryName,
} from "./names.ts";
export {
  type Definition,
  type MeasurementDefinition,
  type MetadataDefinition,
  registry,
  type Unit,
} from "./registry.ts";
export { span } from "./span.ts";
export { streamSpan } from "./stream-span.ts";
export { subscribe, type TelemetryListener, type Unsubscribe } from "./subscribe.ts";

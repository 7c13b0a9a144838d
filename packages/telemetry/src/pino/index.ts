/** Millrace's spans and events as log lines, by pino. */
import type { BaseLogger } from "pino";
import type { Observation } from "../labels.ts";
import { PinoOptions } from "../schema.ts";
import { subscribe, type Unsubscribe } from "../subscribe.ts";

export { LogLevel, PinoOptions } from "../schema.ts";

/**
 * Writes one line for each span that stopped or failed and for each event; starts write nothing.
 *
 * A line has the name as `msg`, the measurements and metadata under their own keys, `duration_ms` of a span, and
 * `err` of a failed one, for pino's standard serializer.
 *
 * @returns ends the subscription; the logger stays the caller's.
 * @throws ZodError where the options are malformed.
 */
export function subscribePino(logger: BaseLogger, options: PinoOptions = {}): Unsubscribe {
  const { stop = "debug", error = "error", event = "info", stopOf = {} } = PinoOptions.parse(options);
  return subscribe({
    stop: (span) => {
      logger[stopOf[span.name] ?? stop](fieldsOf(span, { duration_ms: span.durationMs }), span.name);
    },
    error: (span) => {
      logger[error](fieldsOf(span, { duration_ms: span.durationMs, err: span.error }), span.name);
    },
    event: (message) => logger[event](fieldsOf(message, {}), message.name),
  });
}

function fieldsOf(message: Observation, own: Record<string, unknown>): Record<string, unknown> {
  return { ...message.metadata, ...message.measurements, ...own };
}

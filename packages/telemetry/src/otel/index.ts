/** Millrace's spans and events as OpenTelemetry traces and, if wanted, metrics. */
import {
  type Attributes,
  type Context,
  context,
  type Meter,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Observation } from "../labels.ts";
import type { AnySpanMessage } from "../message.ts";
import type { SpanName } from "../names.ts";
import { OtelOptions } from "../schema.ts";
import { subscribe, type Unsubscribe } from "../subscribe.ts";
import { createMetrics } from "./metrics.ts";

export { OtelOptions } from "../schema.ts";

/** Where traces and metrics go; either may be left out. */
export interface OtelTarget {
  readonly tracer?: Tracer | undefined;
  readonly meter?: Meter | undefined;
}

/** Spans in which a request from outside is served. */
const SERVER_SPANS: ReadonlySet<SpanName> = new Set(["http.request"]);

/** An OpenTelemetry span that is running, and the context it was started from. */
interface Running {
  readonly span: Span;
  readonly own: Context;
  readonly outer: Context;
}

/**
 * Makes an OpenTelemetry span of every span, with its parent, attributes `millrace.<key>`, and recorded exceptions;
 * an event becomes an event of the span that it happened in. With a meter, durations, measurements and errors
 * become metrics with bounded attributes.
 *
 * The parent is the Millrace span around it, or the application's active span if that is nearer. Spans that other
 * instrumentation starts inside a Millrace span hang under the application's, as diagnostics channels cannot set
 * OpenTelemetry's active context.
 *
 * @returns ends the subscription; spans still open then are not exported. Tracer and meter stay the caller's.
 * @throws ZodError where the options are malformed.
 */
export function subscribeOtel(target: OtelTarget, options: OtelOptions = {}): Unsubscribe {
  const { prefix = "millrace." } = OtelOptions.parse(options);
  const { tracer, meter } = target;
  const metrics = meter === undefined ? undefined : createMetrics(meter, prefix);
  const running = new WeakMap<AnySpanMessage, Running>();

  const end = (message: AnySpanMessage): void => {
    const span = running.get(message)?.span;
    if (span === undefined) return;
    running.delete(message);
    span.setAttributes(attributesOf(message, prefix));
    if (message.failed) {
      const error = message.error instanceof Error ? message.error : new Error(String(message.error));
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    }
    span.end();
  };

  return subscribe({
    start(message) {
      if (tracer === undefined) return;
      const outer = context.active();
      const around = message.parent === undefined ? undefined : running.get(message.parent);
      const parent = around !== undefined && around.outer === outer ? around.own : outer;
      const kind = SERVER_SPANS.has(message.name) ? SpanKind.SERVER : SpanKind.INTERNAL;
      const attributes = attributesOf(message, prefix);
      const span = tracer.startSpan(prefix + message.name, { kind, attributes }, parent);
      running.set(message, { span, own: trace.setSpan(parent, span), outer });
    },
    stop(message) {
      end(message);
      metrics?.ended(message);
    },
    error(message) {
      end(message);
      metrics?.ended(message);
    },
    event(message) {
      const around = message.parent === undefined ? undefined : running.get(message.parent);
      const span = around?.span ?? (tracer === undefined ? undefined : trace.getActiveSpan());
      span?.addEvent(prefix + message.name, attributesOf(message, prefix));
      metrics?.happened(message);
    },
  });
}

function attributesOf(message: Observation, prefix: string): Attributes {
  const attributes: Attributes = {};
  for (const values of [message.metadata, message.measurements]) {
    for (const key of Object.keys(values)) attributes[prefix + key] = values[key];
  }
  return attributes;
}

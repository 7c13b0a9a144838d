import type { EventName, Measurements, Metadata, SpanName } from "./names.ts";

/**
 * One span, as its channels carry it. The same object goes through all of them, so it can key a `WeakMap`;
 * read it, do not write it.
 */
export interface SpanMessage<N extends SpanName = SpanName> {
  readonly name: N;
  /** The observed span that this one runs in, across awaits and callbacks. */
  readonly parent: AnySpanMessage | undefined;
  /** Complete when the span ends. */
  readonly measurements: Measurements<N>;
  /** Complete when the span ends. */
  readonly metadata: Metadata<N>;
  /** Set when the span ends: `undefined` on `start`, and on the `end` of a function whose promise is still open. */
  readonly durationMs: number | undefined;
  /** Whether the function threw or its promise rejected. */
  readonly failed: boolean;
  /** What it threw. */
  readonly error: unknown;
}

/** Any span; narrow it by `name`. */
export type AnySpanMessage = { [N in SpanName]: SpanMessage<N> }[SpanName];

/** One event, as its channel carries it. */
export interface EventMessage<N extends EventName = EventName> {
  readonly name: N;
  /** The observed span that it happened in. */
  readonly parent: AnySpanMessage | undefined;
  readonly measurements: Measurements<N>;
  readonly metadata: Metadata<N>;
}

/** Any event; narrow it by `name`. */
export type AnyEventMessage = { [N in EventName]: EventMessage<N> }[EventName];

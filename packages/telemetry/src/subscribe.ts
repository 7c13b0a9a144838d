import { eventChannels, spanChannels } from "./channels.ts";
import type { AnyEventMessage, AnySpanMessage } from "./message.ts";
import { eventNames, spanNames } from "./names.ts";

/**
 * What an observer is told. A span that started ends with exactly one of `stop` and `error`.
 * What a listener throws becomes an uncaught exception of the process, never the observed code's.
 */
export interface TelemetryListener {
  /** A span begins; its metadata holds what was known then. */
  readonly start?: ((span: AnySpanMessage) => void) | undefined;
  /** A span's function returned or its promise was fulfilled; `durationMs` is set. */
  readonly stop?: ((span: AnySpanMessage) => void) | undefined;
  /** A span's function threw or its promise was rejected; `error` and `durationMs` are set. */
  readonly error?: ((span: AnySpanMessage) => void) | undefined;
  /** An event happened. */
  readonly event?: ((event: AnyEventMessage) => void) | undefined;
}

/** Ends a subscription; calling it again does nothing. */
export type Unsubscribe = () => void;

/**
 * Observes every span and event of the registry.
 *
 * Spans that were running already are not reported, except for their end. Any number of listeners may be there.
 */
export function subscribe(listener: TelemetryListener): Unsubscribe {
  const ended = (message: unknown): void => {
    const span = message as AnySpanMessage;
    if (span.durationMs !== undefined && !span.failed) listener.stop?.(span);
  };
  const handlers = {
    start: (message: unknown): void => listener.start?.(message as AnySpanMessage),
    end: ended,
    asyncStart: (): void => {},
    asyncEnd: ended,
    error: (message: unknown): void => listener.error?.(message as AnySpanMessage),
  };
  const onEvent = (message: unknown): void => listener.event?.(message as AnyEventMessage);

  for (const name of spanNames) spanChannels[name].subscribe(handlers);
  for (const name of eventNames) eventChannels[name].subscribe(onEvent);
  return () => {
    for (const name of spanNames) spanChannels[name].unsubscribe(handlers);
    for (const name of eventNames) eventChannels[name].unsubscribe(onEvent);
  };
}

import type { TracingChannel } from "node:diagnostics_channel";
import { ActiveSpan, currentSpan, type SpanHandle, unobserved } from "./active-span.ts";
import { spanChannels } from "./channels.ts";
import type { Metadata, SpanName } from "./names.ts";

/**
 * Runs `fn` as a span: observers hear of its start, and of its end with duration, measurements and metadata.
 *
 * Where `fn` returns a promise the span ends when that settles. What `fn` throws or rejects with is reported and
 * reaches the caller untouched. Spans and events inside `fn`, behind awaits too, have this one as their parent.
 * Without an observer only `fn` is called.
 *
 * @param metadata what is known already; the rest follows by `set` on the handle.
 * @returns what `fn` returned.
 */
export function span<N extends SpanName, T>(
  name: N,
  metadata: Metadata<N>,
  fn: (span: SpanHandle<N>) => T,
): T {
  const channel = spanChannels[name];
  if (!channel.hasSubscribers) return fn(unobserved);
  return observe(channel, new ActiveSpan(name, metadata), fn);
}

function observe<N extends SpanName, T>(
  channel: TracingChannel,
  active: ActiveSpan,
  fn: (span: SpanHandle<N>) => T,
): T {
  return channel.start.runStores(active, () =>
    currentSpan.run(active, () => {
      try {
        const result = fn(active);
        if (isThenable(result)) return untilSettled(channel, active, result) as T;
        active.finish();
        return result;
      } catch (error) {
        active.fail(error);
        channel.error.publish(active);
        throw error;
      } finally {
        channel.end.publish(active);
      }
    }),
  );
}

function untilSettled<T>(channel: TracingChannel, active: ActiveSpan, result: PromiseLike<T>): Promise<T> {
  return Promise.resolve(result).then(
    (value) => {
      settle(channel, active);
      return value;
    },
    (error: unknown) => {
      settleFailed(channel, active, error);
      throw error;
    },
  );
}

/** Ends a span whose work went on behind its function's return. */
export function settle(channel: TracingChannel, active: ActiveSpan): void {
  active.finish();
  channel.asyncStart.publish(active);
  channel.asyncEnd.publish(active);
}

/** Ends such a span with what was thrown. */
export function settleFailed(channel: TracingChannel, active: ActiveSpan, error: unknown): void {
  active.fail(error);
  channel.error.publish(active);
  channel.asyncStart.publish(active);
  channel.asyncEnd.publish(active);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}

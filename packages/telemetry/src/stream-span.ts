import { AsyncLocalStorage } from "node:async_hooks";
import type { TracingChannel } from "node:diagnostics_channel";
import { ActiveSpan, currentSpan, type SpanHandle, unobserved } from "./active-span.ts";
import { spanChannels } from "./channels.ts";
import type { Metadata, SpanName } from "./names.ts";
import { settle, settleFailed } from "./span.ts";

/**
 * Runs an async iterable as a span: from the first item asked for until the last one is taken, the consumer leaves
 * early, or the source throws. The time the consumer takes between items counts.
 *
 * The source runs in the span's context; the items pass through as they are. Without an observer `fn`'s iterable is
 * returned itself. A consumer that neither finishes nor leaves (never calls `return`) leaves the span open.
 */
export function streamSpan<N extends SpanName, T>(
  name: N,
  metadata: Metadata<N>,
  fn: (span: SpanHandle<N>) => AsyncIterable<T>,
): AsyncIterable<T> {
  const channel = spanChannels[name];
  if (!channel.hasSubscribers) return fn(unobserved);
  return {
    [Symbol.asyncIterator]: () =>
      new ObservedIterator<T>(
        channel,
        () => new ActiveSpan(name, metadata),
        fn as (span: unknown) => AsyncIterable<T>,
      ),
  };
}

class ObservedIterator<T> implements AsyncIterator<T, unknown, undefined> {
  readonly #channel: TracingChannel;
  readonly #begin: () => ActiveSpan;
  readonly #open: (span: unknown) => AsyncIterable<T>;
  #active: ActiveSpan | undefined;
  #source: AsyncIterator<T, unknown, undefined> | undefined;
  #inContext: (<R>(fn: () => R) => R) | undefined;
  #left = false;

  constructor(channel: TracingChannel, begin: () => ActiveSpan, open: (span: unknown) => AsyncIterable<T>) {
    this.#channel = channel;
    this.#begin = begin;
    this.#open = open;
  }

  async next(): Promise<IteratorResult<T, unknown>> {
    if (this.#left) return { done: true, value: undefined };
    try {
      const source = this.#source ?? this.#start();
      const result = await this.#run(() => source.next());
      if (result.done === true) this.#stop();
      return result;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  async return(value?: unknown): Promise<IteratorResult<T, unknown>> {
    const source = this.#source;
    this.#left = true;
    try {
      const result = await this.#run(() => source?.return?.(value));
      this.#stop();
      return result ?? { done: true, value };
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #start(): AsyncIterator<T, unknown, undefined> {
    const active = this.#begin();
    this.#active = active;
    const channel = this.#channel;
    return channel.start.runStores(active, () =>
      currentSpan.run(active, () => {
        try {
          this.#inContext = AsyncLocalStorage.snapshot();
          const source = this.#open(active)[Symbol.asyncIterator]();
          this.#source = source;
          return source;
        } finally {
          channel.end.publish(active);
        }
      }),
    );
  }

  #run<R>(fn: () => R): R {
    return this.#inContext === undefined ? fn() : this.#inContext(fn);
  }

  #stop(): void {
    if (this.#active?.durationMs === undefined && this.#active !== undefined)
      settle(this.#channel, this.#active);
  }

  #fail(error: unknown): void {
    if (this.#active?.durationMs === undefined && this.#active !== undefined) {
      settleFailed(this.#channel, this.#active, error);
    }
  }
}

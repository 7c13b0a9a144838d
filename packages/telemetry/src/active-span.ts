import { AsyncLocalStorage } from "node:async_hooks";
import type { AnySpanMessage } from "./message.ts";
import {
  definitions,
  type MeasurementKey,
  type MetadataKey,
  type MetadataValue,
  type SpanName,
} from "./names.ts";

/** What the function of a span is given, to add what is known only while it runs. */
export interface SpanHandle<N extends SpanName = SpanName> {
  /** Sets a measurement of this span's registry entry; the last value stays. */
  set(key: MeasurementKey<N>, value: number): void;
  /** Sets a metadata key of this span's registry entry; the last value stays. */
  set(key: MetadataKey<N>, value: MetadataValue): void;
}

/** The handle of a span that nobody observes. */
export const unobserved: SpanHandle<never> = Object.freeze({ set(): void {} });

/** The innermost observed span of the running code. */
export const currentSpan: AsyncLocalStorage<ActiveSpan> = new AsyncLocalStorage();

/** A span that somebody observes: the handle and the message in one. */
export class ActiveSpan {
  readonly name: SpanName;
  readonly parent: AnySpanMessage | undefined;
  readonly measurements: Record<string, number> = {};
  readonly metadata: Record<string, MetadataValue> = {};
  durationMs: number | undefined = undefined;
  failed = false;
  error: unknown = undefined;
  readonly #startedAt: number = performance.now();

  constructor(name: SpanName, metadata: Readonly<Record<string, MetadataValue | undefined>>) {
    this.name = name;
    this.parent = currentSpan.getStore();
    for (const [key, value] of Object.entries(metadata)) {
      if (value !== undefined) this.metadata[key] = value;
    }
  }

  set(key: string, value: MetadataValue): void {
    if (key in definitions[this.name].measurements) this.measurements[key] = value as number;
    else this.metadata[key] = value;
  }

  /** Fixes the duration. */
  finish(): void {
    this.durationMs = performance.now() - this.#startedAt;
  }

  /** Fixes the duration and what was thrown. */
  fail(error: unknown): void {
    this.finish();
    this.failed = true;
    this.error = error;
  }
}

import { subscribe, type Unsubscribe } from "@millrace/telemetry";

/** How long requests of one kind took, from the first attempt to the last byte of the answer. */
export interface Latency {
  /** What was asked: `get`, `put`, `list`, … */
  readonly request: string;
  readonly count: number;
  readonly minMs: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** Watches the requests of this process to remote stores, until it is disposed. */
export interface LatencyWatch extends Disposable {
  /** What was seen so far, by kind. */
  latencies(): readonly Latency[];
}

export function watchLatencies(): LatencyWatch {
  const times = new Map<string, number[]>();
  const unsubscribe: Unsubscribe = subscribe({
    stop(span) {
      if (span.name !== "storage.request" || span.durationMs === undefined) return;
      const kind = String(span.metadata.operation);
      const known = times.get(kind);
      if (known === undefined) times.set(kind, [span.durationMs]);
      else known.push(span.durationMs);
    },
  });
  return {
    latencies: () =>
      [...times].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, taken]) => summarize(kind, taken)),
    [Symbol.dispose]: unsubscribe,
  };
}

/** Figures of some times, in any order; a share is told by the nearest rank. */
export function summarize(request: string, taken: readonly number[]): Latency {
  const sorted = [...taken].sort((a, b) => a - b);
  const rank = (share: number): number =>
    round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
  return { request, count: sorted.length, minMs: rank(0), medianMs: rank(0.5), p99Ms: rank(0.99) };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as tick } from "node:timers/promises";
import {
  type Context,
  context,
  type ContextManager,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, describe, expect, it } from "vitest";
import { event, span, streamSpan } from "../index.ts";
import { subscribeOtel } from "./index.ts";

const exporter = new InMemorySpanExporter();
const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer(
  "test",
);
const byName = (name: string): ReadableSpan => {
  const found = exporter.getFinishedSpans().find((finished) => finished.name === name);
  if (found === undefined) throw new Error(`no span ${name}`);
  return found;
};
afterEach(() => exporter.reset());

/** A context manager of the application, as its SDK would bring one. */
class ApplicationContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => fn.call(thisArg, ...args));
  }
  bind<T>(_context: Context, target: T): T {
    return target;
  }
  enable(): this {
    return this;
  }
  disable(): this {
    return this;
  }
}

describe("subscribeOtel", () => {
  it("makes spans with parents, attributes and events", async () => {
    const unsubscribe = subscribeOtel({ tracer });
    await span("http.request", { method: "POST", route: "/:repository/git-upload-pack" }, async (request) => {
      await tick();
      await span("upload_pack.fetch", {}, async (fetch) => {
        await tick();
        event("storage.retry", { attempt: 1 }, { backend: "s3" });
        for await (const _ of streamSpan("pack.write", { object_format: "sha1" }, async function* (pack) {
          yield await tick(new Uint8Array(3));
          pack.set("pack_size", 3);
        }));
        fetch.set("want_count", 2);
      });
      request.set("status", 200);
    });
    unsubscribe();
    span("pack.index", {}, () => {});

    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual([
      "millrace.pack.write",
      "millrace.upload_pack.fetch",
      "millrace.http.request",
    ]);
    const request = byName("millrace.http.request");
    const fetch = byName("millrace.upload_pack.fetch");
    const pack = byName("millrace.pack.write");
    expect(request.parentSpanContext).toBeUndefined();
    expect(fetch.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
    expect(pack.parentSpanContext?.spanId).toBe(fetch.spanContext().spanId);
    expect(new Set([request, fetch, pack].map((finished) => finished.spanContext().traceId)).size).toBe(1);
    expect(request.kind).toBe(SpanKind.SERVER);
    expect(fetch.kind).toBe(SpanKind.INTERNAL);
    expect(request.attributes).toEqual({
      "millrace.method": "POST",
      "millrace.route": "/:repository/git-upload-pack",
      "millrace.status": 200,
    });
    expect(fetch.attributes).toEqual({ "millrace.want_count": 2 });
    expect(pack.attributes).toEqual({ "millrace.object_format": "sha1", "millrace.pack_size": 3 });
    expect(fetch.events).toMatchObject([
      { name: "millrace.storage.retry", attributes: { "millrace.attempt": 1, "millrace.backend": "s3" } },
    ]);
    expect(request.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("records what a span threw", async () => {
    const unsubscribe = subscribeOtel({ tracer }, { prefix: "git." });
    await expect(
      span("storage.commit", {}, () => Promise.reject(new TypeError("disk full"))),
    ).rejects.toThrow();
    unsubscribe();
    const commit = byName("git.storage.commit");
    expect(commit.status).toEqual({ code: SpanStatusCode.ERROR, message: "disk full" });
    expect(commit.events).toMatchObject([
      { name: "exception", attributes: { "exception.type": "TypeError", "exception.message": "disk full" } },
    ]);
  });

  it("hangs under the application's active span where that is nearer", async () => {
    context.setGlobalContextManager(new ApplicationContexts());
    const unsubscribe = subscribeOtel({ tracer });
    try {
      await tracer.startActiveSpan("outer", async (outer) => {
        await span("http.request", {}, async () => {
          await tracer.startActiveSpan("between", async (between) => {
            await span("receive_pack", {}, async () => {
              await span("pack.index", {}, async () => await tick());
            });
            between.end();
          });
        });
        event("storage.retry", {});
        outer.end();
      });
    } finally {
      unsubscribe();
      context.disable();
    }
    const parentOf = (name: string): string | undefined => byName(name).parentSpanContext?.spanId;
    expect(parentOf("millrace.http.request")).toBe(byName("outer").spanContext().spanId);
    expect(parentOf("millrace.receive_pack")).toBe(byName("between").spanContext().spanId);
    expect(parentOf("millrace.pack.index")).toBe(byName("millrace.receive_pack").spanContext().spanId);
    expect(byName("outer").events).toMatchObject([{ name: "millrace.storage.retry" }]);
    expect(trace.getActiveSpan()).toBeUndefined();
  });

  it("counts into a meter, with bounded attributes", async () => {
    const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const unsubscribe = subscribeOtel({ meter: provider.getMeter("test") });
    for (const pack_id of ["a", "b"]) {
      span("storage.put_pack", { pack_id, backend: "fs" }, (handle) => handle.set("pack_size", 100));
    }
    expect(() =>
      span("storage.put_pack", { backend: "fs" }, () => {
        throw Object.assign(new Error("no space"), { code: "STORAGE_IO" });
      }),
    ).toThrow();
    event("storage.retry", { delay_ms: 5 }, { backend: "fs" });
    unsubscribe();
    await provider.forceFlush();
    const found = new Map(
      metrics
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
        .map((metric) => [
          `${metric.descriptor.name} ${metric.descriptor.unit}`,
          metric.dataPoints.map(({ attributes, value }) => ({
            attributes,
            value: typeof value === "number" ? value : value.count,
          })),
        ]),
    );
    await provider.shutdown();
    expect(found.get("millrace.storage.put_pack.duration s")).toEqual([
      { attributes: { backend: "fs" }, value: 3 },
    ]);
    expect(found.get("millrace.storage.put_pack.pack_size By")).toEqual([
      { attributes: { backend: "fs" }, value: 200 },
    ]);
    expect(found.get("millrace.storage.put_pack.errors ")).toEqual([
      { attributes: { backend: "fs", code: "STORAGE_IO" }, value: 1 },
    ]);
    expect(found.get("millrace.storage.retry ")).toMatchObject([{ value: 1 }]);
    expect(found.get("millrace.storage.retry.delay_ms ms")).toMatchObject([{ value: 5 }]);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it("refuses malformed options", () => {
    expect(() => subscribeOtel({}, { prefix: 1 as unknown as string })).toThrow(/prefix/);
  });
});

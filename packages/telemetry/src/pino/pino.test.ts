import { Writable } from "node:stream";
import { type Logger, pino } from "pino";
import { describe, expect, it } from "vitest";
import { event, span } from "../index.ts";
import { type PinoOptions, subscribePino } from "./index.ts";

const captured = (): { logger: Logger; lines: Record<string, unknown>[] } => {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return { logger: pino({ level: "trace", base: null, timestamp: false }, stream), lines };
};

describe("subscribePino", () => {
  it("writes one line for each stop, error and event", async () => {
    const { logger, lines } = captured();
    const unsubscribe = subscribePino(logger);
    await span("storage.commit", { backend: "fs", atomic: true }, async (handle) =>
      handle.set("ref_count", 2),
    );
    expect(() =>
      span("pack.index", { object_format: "sha1" }, () => {
        throw Object.assign(new Error("bad delta"), { code: "PACK_BAD_DELTA" });
      }),
    ).toThrow("bad delta");
    event("storage.retry", { attempt: 3 }, { backend: "fs" });
    unsubscribe();
    span("pack.write", {}, () => {});
    const duration_ms: unknown = expect.any(Number);
    expect(lines).toEqual([
      { level: 20, msg: "storage.commit", backend: "fs", atomic: true, ref_count: 2, duration_ms },
      {
        level: 50,
        msg: "pack.index",
        object_format: "sha1",
        duration_ms,
        err: expect.objectContaining({
          type: "Error",
          message: "bad delta",
          code: "PACK_BAD_DELTA",
        }) as unknown,
      },
      { level: 30, msg: "storage.retry", attempt: 3, backend: "fs" },
    ]);
  });

  it("writes at the levels it was given", () => {
    const { logger, lines } = captured();
    const options: PinoOptions = {
      stop: "silent",
      error: "fatal",
      event: "trace",
      stopOf: { "http.request": "warn" },
    };
    const unsubscribe = subscribePino(logger, options);
    span("http.request", {}, (handle) => handle.set("status", 200));
    span("pack.write", {}, () => {});
    try {
      span("pack.write", {}, () => {
        throw new Error("no");
      });
    } catch {}
    event("storage.retry", {});
    unsubscribe();
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      [40, "http.request"],
      [60, "pack.write"],
      [10, "storage.retry"],
    ]);
  });

  it.each([{ stop: "loud" }, { stopOf: { "no.span": "info" } }])(
    "refuses malformed options: %o",
    (options) => {
      expect(() => subscribePino(captured().logger, options as PinoOptions)).toThrow();
    },
  );
});

import { setImmediate as tick } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { record } from "../test/recorder.ts";
import { eventChannels, spanChannels } from "./channels.ts";
import { event, span, subscribe } from "./index.ts";

describe("subscribe", () => {
  it("tells several listeners apart and leaves no trace", async () => {
    const first = record();
    const second = record();
    span("pack.index", {}, () => {});
    first.unsubscribe();
    first.unsubscribe();
    event("storage.retry", { attempt: 2, delay_ms: 20 }, { backend: "fs", operation: "lock_ref" });
    second.unsubscribe();
    await span("pack.index", {}, async () => await tick());
    expect(first.lines()).toEqual(["start pack.index", "stop pack.index"]);
    expect(second.lines()).toEqual(["start pack.index", "stop pack.index", "event storage.retry"]);
    expect(second.heard[2]?.values).toEqual({
      attempt: 2,
      delay_ms: 20,
      backend: "fs",
      operation: "lock_ref",
    });
    for (const channel of Object.values(spanChannels)) expect(channel.hasSubscribers).toBe(false);
    for (const channel of Object.values(eventChannels)) expect(channel.hasSubscribers).toBe(false);
  });

  it("tells of a running span's end only when the subscription came later, and of nothing after it ended", async () => {
    const early = record();
    let late = early;
    await span("pack.write", {}, async () => {
      early.unsubscribe();
      late = record();
      await tick();
    });
    late.unsubscribe();
    expect(early.lines()).toEqual(["start pack.write"]);
    expect(late.lines()).toEqual(["stop pack.write"]);
  });

  it("takes a listener with one of its functions", () => {
    const names: string[] = [];
    const unsubscribe = subscribe({ stop: ({ name }) => void names.push(name) });
    span("pack.write", {}, () => {});
    event("storage.retry", {});
    expect(() =>
      span("pack.index", {}, () => {
        throw new Error("no");
      }),
    ).toThrow("no");
    unsubscribe();
    expect(names).toEqual(["pack.write"]);
  });
});

import { setImmediate as tick } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Recorder, record } from "../test/recorder.ts";
import { event, type SpanHandle, span, streamSpan } from "./index.ts";

let recorder: Recorder;
beforeEach(() => {
  recorder = record();
});
afterEach(() => recorder.unsubscribe());

const released: string[] = [];
async function* refs(handle: SpanHandle<"storage.list_refs">, failAt = -1): AsyncGenerator<number> {
  let count = 0;
  try {
    for (; count < 3; count += 1) {
      await tick();
      event("storage.retry", { attempt: count });
      if (count === failAt) throw new Error("broken");
      yield count;
    }
  } finally {
    handle.set("ref_count", count);
    released.push("refs");
  }
}
const observed = (failAt?: number): AsyncIterable<number> =>
  streamSpan("storage.list_refs", { backend: "memory" }, (handle) => refs(handle, failAt));
const drain = async (source: AsyncIterable<number>): Promise<number[]> => {
  const items: number[] = [];
  for await (const item of source) items.push(item);
  return items;
};

describe("streamSpan", () => {
  it("lasts from the first item asked for to the last one taken", async () => {
    const source = observed();
    await tick();
    expect(recorder.heard).toEqual([]);
    expect(await drain(source)).toEqual([0, 1, 2]);
    expect(recorder.lines().filter((line) => !line.startsWith("event"))).toEqual([
      "start storage.list_refs",
      "stop storage.list_refs",
    ]);
    expect(recorder.heard.at(-1)?.values).toEqual({ backend: "memory", ref_count: 3 });
  });

  it("is the parent of what its source does, between items too, and not of what the consumer does", async () => {
    await span("http.request", {}, async () => {
      for await (const item of observed()) event("storage.retry", { attempt: 100 + item });
    });
    const parents = recorder.heard
      .filter(({ kind }) => kind === "event")
      .map(({ values, message }) => [values["attempt"], message.parent?.name]);
    expect(parents).toEqual([
      [0, "storage.list_refs"],
      [100, "http.request"],
      [1, "storage.list_refs"],
      [101, "http.request"],
      [2, "storage.list_refs"],
      [102, "http.request"],
    ]);
  });

  it("stops, and releases its source, when the consumer leaves early", async () => {
    released.length = 0;
    for await (const item of observed()) if (item === 1) break;
    expect(released).toEqual(["refs"]);
    expect(recorder.lines().at(-1)).toBe("stop storage.list_refs");
    expect(recorder.heard.at(-1)?.values).toEqual({ backend: "memory", ref_count: 1 });
  });

  it("reports and rethrows what the source throws", async () => {
    await expect(drain(observed(1))).rejects.toThrow("broken");
    expect(recorder.lines().filter((line) => line.startsWith("error") || line.startsWith("stop"))).toEqual([
      "error storage.list_refs",
    ]);
    const failing = streamSpan("storage.list_refs", {}, (): AsyncIterable<number> => {
      throw new Error("not even opened");
    });
    await expect(drain(failing)).rejects.toThrow("not even opened");
    expect(recorder.lines().slice(-2)).toEqual(["start storage.list_refs", "error storage.list_refs"]);
  });

  it("begins nothing when it is left before the first item", async () => {
    const iterator = observed()[Symbol.asyncIterator]();
    expect(await iterator.return?.("left")).toEqual({ done: true, value: "left" });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(recorder.heard).toEqual([]);
  });

  it("hands out the source itself when nobody observes", () => {
    recorder.unsubscribe();
    const source = (async function* () {})();
    expect(streamSpan("storage.list_refs", {}, () => source)).toBe(source);
  });
});

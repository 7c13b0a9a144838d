import diagnosticsChannel from "node:diagnostics_channel";
import { setImmediate as tick, setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Recorder, record } from "../test/recorder.ts";
import { type AnySpanMessage, event, type SpanHandle, span } from "./index.ts";

let recorder: Recorder;
beforeEach(() => {
  recorder = record();
});
afterEach(() => recorder.unsubscribe());

describe("span", () => {
  it("tells start and stop of a synchronous function", () => {
    const result = span("storage.list_refs", { backend: "memory", ref_prefix: undefined }, (handle) => {
      handle.set("ref_count", 1);
      handle.set("ref_count", 250);
      handle.set("ref_prefix", "refs/heads/");
      return 42;
    });
    expect(result).toBe(42);
    expect(recorder.lines()).toEqual(["start storage.list_refs", "stop storage.list_refs"]);
    expect(recorder.heard[0]?.values).toEqual({ backend: "memory" });
    const stop = recorder.heard[1]?.message as AnySpanMessage;
    expect(stop.measurements).toEqual({ ref_count: 250 });
    expect(stop.metadata).toEqual({ backend: "memory", ref_prefix: "refs/heads/" });
    expect(stop.durationMs).toBeGreaterThanOrEqual(0);
    expect(stop.failed).toBe(false);
  });

  it("stops an asynchronous function when its promise settles", async () => {
    let open: (value: string) => void = () => {};
    const running = span("storage.commit", {}, async (handle) => {
      const value = await new Promise<string>((resolve) => {
        open = resolve;
      });
      handle.set("outcome", value);
      return value;
    });
    await tick();
    expect(recorder.lines()).toEqual(["start storage.commit"]);
    open("committed");
    expect(await running).toBe("committed");
    expect(recorder.lines()).toEqual(["start storage.commit", "stop storage.commit"]);
    expect(recorder.heard[1]?.values).toEqual({ outcome: "committed" });
  });

  it("follows a thenable that is no promise", async () => {
    class Thenable {
      // oxlint-disable-next-line unicorn/no-thenable -- the case under test
      then(resolve: (value: number) => void): void {
        setImmediate(() => resolve(7));
      }
    }
    const result = span("pack.write", {}, () => new Thenable() as unknown as Promise<number>);
    expect(recorder.lines()).toEqual(["start pack.write"]);
    expect(await result).toBe(7);
    expect(recorder.lines()).toEqual(["start pack.write", "stop pack.write"]);
  });

  it.each([new Error("no"), undefined, "text"])(
    "reports and rethrows what a function throws: %s",
    async (thrown) => {
      const caught = ((): unknown => {
        try {
          span("pack.index", {}, () => {
            throw thrown;
          });
        } catch (error) {
          return { error };
        }
        return undefined;
      })();
      expect(caught).toEqual({ error: thrown });
      const rejected: unknown = await span("pack.index", {}, () =>
        sleep(1).then(() => Promise.reject(thrown as Error)),
      ).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      expect(rejected).toEqual({ error: thrown });
      expect(recorder.lines()).toEqual([
        "start pack.index",
        "error pack.index",
        "start pack.index",
        "error pack.index",
      ]);
      for (const { kind, message } of recorder.heard) {
        if (kind === "error") expect(message).toMatchObject({ failed: true, error: thrown });
      }
    },
  );

  it("publishes on the five tracing channels under the documented names", async () => {
    recorder.unsubscribe();
    const seen: string[] = [];
    const channels = ["start", "end", "asyncStart", "asyncEnd", "error"].map((kind) => {
      const listener = (): void => void seen.push(kind);
      diagnosticsChannel.subscribe(`tracing:millrace.receive_pack:${kind}`, listener);
      return { kind, listener };
    });
    span("receive_pack", {}, () => {});
    expect(seen.splice(0)).toEqual(["start", "end"]);
    await span("receive_pack", {}, async () => {});
    expect(seen.splice(0)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    await expect(span("receive_pack", {}, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(seen.splice(0)).toEqual(["start", "end", "error", "asyncStart", "asyncEnd"]);
    for (const { kind, listener } of channels) {
      diagnosticsChannel.unsubscribe(`tracing:millrace.receive_pack:${kind}`, listener);
    }
    span("receive_pack", {}, () => {});
    expect(seen).toEqual([]);
  });

  it("knows its parent behind awaits and timers, and siblings do not mix", async () => {
    await span("http.request", { route: "a" }, async () => {
      await Promise.all(
        ["one", "two"].map((service) =>
          span("http.request", { service }, async () => {
            await sleep(1);
            await span("upload_pack.fetch", {}, async () => await tick());
            event("storage.retry", { attempt: 1 });
          }),
        ),
      );
    });
    const parentOf = (name: string): unknown[] =>
      recorder.heard
        .filter((heard) => heard.kind !== "stop" && heard.name === name)
        .map((heard) => heard.message.parent?.metadata);
    expect(parentOf("upload_pack.fetch")).toEqual([{ service: "one" }, { service: "two" }]);
    expect(parentOf("storage.retry")).toEqual([{ service: "one" }, { service: "two" }]);
    expect(parentOf("http.request")).toEqual([undefined, { route: "a" }, { route: "a" }]);
    event("storage.retry", {});
    expect(recorder.heard.at(-1)?.message.parent).toBeUndefined();
  });

  it("only calls the function when nobody observes", () => {
    recorder.unsubscribe();
    let handle: SpanHandle<"pack.write"> | undefined;
    expect(
      span("pack.write", {}, (given) => {
        handle = given;
        given.set("pack_size", 1);
        return "result";
      }),
    ).toBe("result");
    expect(Object.isFrozen(handle)).toBe(true);
    expect(recorder.heard).toEqual([]);
  });

  it("ends every span once, inside its parent, whatever the tree of calls", async () => {
    interface Call {
      readonly async: boolean;
      readonly throws: boolean;
      readonly inner: readonly Call[];
    }
    const { call } = fc.letrec<{ call: Call }>((tie) => ({
      call: fc.record({
        async: fc.boolean(),
        throws: fc.boolean(),
        inner: fc.oneof(
          { depthSize: "small", withCrossShrink: true },
          fc.constant([]),
          fc.array(tie("call"), { maxLength: 3 }),
        ),
      }),
    }));
    const runSync = (node: Call, path: string): void => {
      span("pack.index", { object_format: path }, () => {
        node.inner.forEach((inner, i) => {
          try {
            runSync(inner, `${path}.${i}`);
          } catch {}
        });
        if (node.throws) throw new Error(path);
      });
    };
    const runAsync = async (node: Call, path: string): Promise<void> =>
      await span("pack.index", { object_format: path }, async () => {
        await tick();
        await Promise.allSettled(
          node.inner.map(async (inner, i) =>
            inner.async ? await runAsync(inner, `${path}.${i}`) : runSync(inner, `${path}.${i}`),
          ),
        );
        if (node.throws) throw new Error(path);
      });
    await fc.assert(
      fc.asyncProperty(call, async (root) => {
        recorder.heard.length = 0;
        await runAsync(root, "0").catch(() => {});
        const ends = new Map<unknown, number>();
        for (const { kind, message } of recorder.heard) {
          if (kind === "start") ends.set(message, 0);
          else ends.set(message, (ends.get(message) ?? Number.NaN) + 1);
          const path = String((message as AnySpanMessage & { name: "pack.index" }).metadata.object_format);
          const above = (message.parent?.metadata as { object_format?: string } | undefined)?.object_format;
          expect(above).toBe(path === "0" ? undefined : path.slice(0, path.lastIndexOf(".")));
        }
        expect([...ends.values()].every((count) => count === 1)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses unknown names and keys at compile time", () => {
    // @ts-expect-error no such span
    const unknownName = (): void => span("storage.nothing", {}, () => {});
    // @ts-expect-error no such metadata
    const unknownMetadata = (): void => span("pack.write", { backend: "fs" }, () => {});
    // @ts-expect-error no such key
    const unknownKey = (): void => span("pack.write", {}, (handle) => handle.set("ref_count", 1));
    // @ts-expect-error a measurement is a number
    const wrongType = (): void => span("pack.write", {}, (handle) => handle.set("pack_size", "1"));
    // @ts-expect-error an event is no span
    const eventName = (): void => span("storage.retry", {}, () => {});
    // @ts-expect-error no such measurement
    const unknownMeasurement = (): void => event("storage.retry", { pack_size: 1 });
    expect([unknownName, unknownMetadata, unknownKey, wrongType, eventName, unknownMeasurement]).toHaveLength(
      6,
    );
  });
});

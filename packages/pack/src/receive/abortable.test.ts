import { describe, expect, it } from "vitest";
import { abortable } from "./abortable.ts";

/** A source that says when it was left. */
function numbers(count: number, failure?: Error) {
  const state = { left: 0 };
  async function* generate(): AsyncGenerator<number> {
    try {
      for (let i = 0; i < count; i++) yield i;
      if (failure !== undefined) throw failure;
    } finally {
      state.left++;
    }
  }
  return { source: generate(), state };
}

async function take(source: AsyncIterable<number>, count = Number.POSITIVE_INFINITY): Promise<number[]> {
  const taken: number[] = [];
  for await (const value of source) {
    taken.push(value);
    if (taken.length >= count) break;
  }
  return taken;
}

describe.each([
  ["without a signal", undefined],
  ["with a signal", new AbortController().signal],
])("abortable, %s", (_name, signal) => {
  it("passes everything on and leaves the source once", async () => {
    const { source, state } = numbers(3);
    expect(await take(abortable(source, signal))).toEqual([0, 1, 2]);
    expect(state.left).toBe(1);
    expect(await take(abortable([1, 2], signal))).toEqual([1, 2]);
  });

  it("leaves the source when it is left", async () => {
    const { source, state } = numbers(3);
    expect(await take(abortable(source, signal), 2)).toEqual([0, 1]);
    expect(state.left).toBe(1);
  });

  it("passes a failure on", async () => {
    const failure = new Error("broken");
    const { source, state } = numbers(1, failure);
    await expect(take(abortable(source, signal))).rejects.toBe(failure);
    expect(state.left).toBe(1);
  });
});

describe("abortable, aborted", () => {
  it("throws before it asks for anything", async () => {
    const { source, state } = numbers(3);
    await expect(take(abortable(source, AbortSignal.abort("enough")))).rejects.toBe("enough");
    expect(state.left).toBe(0);
  });

  it("leaves the source between chunks, and does not wait for one that hangs", async () => {
    for (const hangs of [false, true]) {
      const controller = new AbortController();
      const { source, state } = numbers(3);
      const hanging = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) };
      const taking = (async () => {
        for await (const _ of abortable(hangs ? hanging : source, controller.signal))
          controller.abort("enough");
      })();
      if (hangs) setTimeout(() => controller.abort("enough"), 5);
      await expect(taking).rejects.toBe("enough");
      if (!hangs) expect(state.left).toBe(1);
    }
  });
});

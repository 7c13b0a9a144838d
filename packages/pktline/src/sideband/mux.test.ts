import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { all, concat, cut, cuts, inTurn, utf8 } from "../../test/bytes.ts";
import {
  createPktReader,
  createProgressQueue,
  demuxSideband,
  FLUSH,
  keepAlivePacket,
  type MuxOptions,
  muxSideband,
  type PktlineError,
  type ProgressQueue,
  pktLine,
  sidebandPackets,
} from "../index.ts";

const latin1 = (chunk: Uint8Array): string => Buffer.from(chunk).toString("latin1");

/** What is said and done in a source, one step after another. */
type Step = { readonly data: Uint8Array } | { readonly told: string } | { readonly waits: true };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 3000 }).map((data) => ({ data })),
    fc.string({ unit: "grapheme", minLength: 1 }).map((told) => ({ told })),
    fc.constant({ waits: true as const }),
  ),
  { maxLength: 20 },
);
async function* perform(script: readonly Step[], progress: ProgressQueue): AsyncGenerator<Uint8Array> {
  for (const step of script) {
    if ("data" in step) yield step.data;
    else if ("told" in step) progress.push(step.told);
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

afterEach(() => {
  vi.useRealTimers();
});

describe("muxSideband and demuxSideband", () => {
  it("carry data and texts over, whatever the chunks on the way", async () => {
    await fc.assert(
      fc.asyncProperty(steps, cuts, fc.constantFrom(65_515, 995, 5), async (script, places, maxDataBytes) => {
        const progress = createProgressQueue();
        const sent = concat([
          ...(await all(muxSideband(perform(script, progress), { progress, maxDataBytes }))),
          FLUSH,
          utf8("behind"),
        ]);
        let told = "";
        const reader = createPktReader(cut(sent, places));
        const data = await all(demuxSideband(reader, { onProgress: (text) => void (told += text) }));
        expect(concat(data)).toEqual(concat(script.flatMap((step) => ("data" in step ? [step.data] : []))));
        expect(told).toBe(script.flatMap((step) => ("told" in step ? [step.told] : [])).join(""));
        expect(concat(await all(reader.rest()))).toEqual(utf8("behind"));
      }),
      { numRuns: 100 },
    );
  });

  it("send the same bytes however long the source takes", async () => {
    const send = async (script: readonly Step[], options: MuxOptions): Promise<Uint8Array> => {
      const progress = createProgressQueue();
      return concat(await all(muxSideband(perform(script, progress), { ...options, progress })));
    };
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const hasty = script.filter((step) => !("waits" in step));
        const slow = script.flatMap((step): Step[] => [{ waits: true }, step, { waits: true }]);
        expect(await send(slow, { maxDataBytes: 995 })).toEqual(await send(hasty, { maxDataBytes: 995 }));
      }),
      { numRuns: 50 },
    );
  });
});

describe("muxSideband", () => {
  it("pulls the source when everything before was taken", async () => {
    let pulls = 0;
    const source = (async function* () {
      for (; pulls < 4; pulls += 1) yield new Uint8Array(65_515 * 2);
    })();
    const out = muxSideband(source);
    for (let i = 0; i < 4; i += 1) await out.next();
    await new Promise((resolve) => setImmediate(resolve));
    expect(pulls).toBe(0);
    await out.next();
    expect(pulls).toBe(1);
    await out.return();
  });

  it("sends texts while the source is waited for", async () => {
    const progress = createProgressQueue();
    let go: () => void = () => {};
    const source = (async function* () {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      yield utf8("data");
    })();
    const out = muxSideband(source, { progress });
    const first = out.next();
    setImmediate(() => progress.push("counting"));
    expect(latin1((await first).value ?? FLUSH)).toBe("000d\x02counting");
    progress.push("still");
    expect(latin1((await out.next()).value ?? FLUSH)).toBe("000a\x02still");
    progress.push("done");
    go();
    expect((await all(out)).map(latin1)).toEqual(["0009\x02done", "0009\x01", "data"]);
  });

  it.each([
    [undefined, "0005\x01"],
    [2 as const, "0005\x02"],
  ])("says that it lives when it has sent nothing for a while (band %s)", async (keepAliveBand, packet) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const progress = createProgressQueue();
    const source = (async function* () {
      await sleep(12_000);
      yield new Uint8Array(65_515);
      await sleep(4000);
      progress.push("half");
      await sleep(4000);
      // Bytes came in, but none went out.
      for (let i = 0; i < 4; i += 1) {
        yield utf8("x");
        await sleep(3000);
      }
    })();
    const sent: [number, string][] = [];
    const start = Date.now();
    const reading = (async () => {
      for await (const chunk of muxSideband(source, { keepAliveMs: 5000, keepAliveBand, progress })) {
        sent.push([Date.now() - start, chunk.length > 100 ? "data" : latin1(chunk)]);
      }
    })();
    await vi.advanceTimersByTimeAsync(40_000);
    await reading;
    expect(sent).toEqual([
      [5000, packet],
      [10_000, packet],
      [12_000, "fff0\x01"],
      [12_000, "data"],
      [16_000, "0009\x02half"],
      [21_000, packet],
      [26_000, packet],
      [31_000, packet],
      [32_000, "0009\x01"],
      [32_000, "xxxx"],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not count the time that its consumer takes", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const chunk = new Uint8Array(65_515);
    const out = muxSideband(inTurn([chunk, chunk]), { keepAliveMs: 10 });
    const taken: number[] = [];
    for await (const piece of out) {
      taken.push(piece.length);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(taken).toEqual([5, 65_515, 5, 65_515]);
  });

  it("throws what the source throws, and sends no half packet then", async () => {
    const broken = new Error("pack is broken");
    const source = (async function* () {
      yield new Uint8Array(65_515 + 100);
      throw broken;
    })();
    const sent: number[] = [];
    const reading = (async () => {
      for await (const chunk of muxSideband(source)) sent.push(chunk.length);
    })();
    await expect(reading).rejects.toBe(broken);
    expect(sent).toEqual([5, 65_515]);
  });

  it("releases the source when it is left, and when its signal is aborted", async () => {
    const released: string[] = [];
    const source = async function* (name: string): AsyncGenerator<Uint8Array> {
      try {
        yield new Uint8Array(65_515);
        if (name === "endless") await new Promise(() => {});
      } finally {
        released.push(name);
      }
    };
    for await (const _ of muxSideband(source("left"))) break;
    expect(released).toEqual(["left"]);

    const controller = new AbortController();
    const reason = new Error("client is gone");
    const endless = muxSideband(source("endless"), { signal: controller.signal, keepAliveMs: 60_000 });
    await endless.next();
    await endless.next();
    const waiting = endless.next();
    setImmediate(() => controller.abort(reason));
    await expect(waiting).rejects.toBe(reason);
    const never = muxSideband(source("never"), { signal: AbortSignal.abort(reason) });
    await expect(never.next()).rejects.toBe(reason);
  });

  it("drops the oldest texts when nobody takes them", async () => {
    const progress = createProgressQueue();
    for (let i = 0; i < 1000; i += 1) progress.push(`${i}`.padStart(1000));
    const sent = await all(muxSideband([], { progress }));
    expect(sent).toHaveLength(65);
    expect(latin1(sent[64] ?? FLUSH).trimEnd()).toMatch(/ 999$/);
  });

  it("refuses malformed options", async () => {
    for (const options of [{ keepAliveMs: -1 }, { maxDataBytes: 70_000 }, { keepAliveBand: 3 as 2 }]) {
      await expect(muxSideband([], options).next()).rejects.toThrow();
    }
  });
});

describe("demuxSideband", () => {
  const failure = async (...packets: Uint8Array[]): Promise<Partial<PktlineError>> =>
    await all(demuxSideband(packets)).then(
      () => ({}),
      (error: PktlineError) => error,
    );

  it("gives data, drops signs of life, and puts split characters together", async () => {
    const told: string[] = [];
    const euro = utf8("€");
    const data = await all(
      demuxSideband(
        [
          keepAlivePacket(1),
          keepAlivePacket(2),
          sidebandPackets(1, utf8("PACK")),
          sidebandPackets(2, euro.subarray(0, 1)),
          sidebandPackets(2, euro.subarray(1)),
          FLUSH,
        ],
        { onProgress: (text) => void told.push(text) },
      ),
    );
    expect(data).toEqual([utf8("PACK")]);
    expect(told).toEqual(["€"]);
  });

  it("throws the remote's words, safe to show", async () => {
    const words = "fatal: \x1b[31mno\n";
    expect(
      await failure(sidebandPackets(1, utf8("PA")), sidebandPackets(3, utf8(words)), FLUSH),
    ).toMatchObject({
      code: "PKTLINE_REMOTE_ERROR",
      message: "remote error: fatal: \\x1b[31mno",
      remoteText: words,
    });
  });

  it("throws where the sideband breaks off or is none", async () => {
    expect(await failure()).toMatchObject({ code: "PKTLINE_TRUNCATED" });
    expect(await failure(sidebandPackets(1, utf8("PA")))).toMatchObject({ code: "PKTLINE_TRUNCATED" });
    expect(await failure(utf8("0009\x01P"))).toMatchObject({ code: "PKTLINE_TRUNCATED" });
    expect(await failure(pktLine("NAK\n"))).toMatchObject({ code: "PKTLINE_BAD_BAND" });
    expect(await failure(utf8("0004"))).toMatchObject({ code: "PKTLINE_BAD_BAND" });
    expect(await failure(utf8("0001"))).toMatchObject({ code: "PKTLINE_BAD_BAND" });
    expect(await failure(utf8("PACK"))).toMatchObject({ code: "PKTLINE_BAD_LENGTH" });
  });

  it("gives data or typed errors for any bytes", async () => {
    const noise = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 8 }),
        fc.constantFrom(keepAlivePacket(1), utf8("0006\x01a"), utf8("0006\x02b"), utf8("000"), utf8("0004")),
      ),
    );
    await fc.assert(
      fc.asyncProperty(noise, async (chunks) => {
        const { code = "none" } = await failure(...chunks);
        expect(code).toMatch(/^(?:PKTLINE_[A-Z_]+|none)$/);
      }),
      { numRuns: 300 },
    );
  });

  it("releases a source that is no reader", async () => {
    let released = 0;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield sidebandPackets(1, utf8("one"));
        yield sidebandPackets(1, utf8("two"));
      } finally {
        released += 1;
      }
    };
    for await (const _ of demuxSideband(source())) break;
    expect(released).toBe(1);
  });
});

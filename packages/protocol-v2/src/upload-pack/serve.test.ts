import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bandOf, collect, packets, readPackets } from "../../test/support/packets.ts";
import { cut, deferred, failing, scriptedHost } from "../../test/support/scripted-host.ts";
import { ProtocolError } from "../errors.ts";
import type { PackProgress, PackRequest } from "../host.ts";
import { createChunkPool } from "../stream/chunk-pool.ts";
import { serveUploadPack } from "./serve.ts";

const oid = (digit: string): string => digit.repeat(40);
const wanting = (...more: string[]): Buffer =>
  packets("command=fetch", "0001", `want ${oid("a")}`, ...more, "done", "0000");

/** Gives `size` bytes in pieces as asked. */
async function* pieces(size: number, each: number): AsyncGenerator<Uint8Array> {
  const bytes = new Uint8Array(size).map((_, index) => index);
  for (let at = 0; at < size; at += each) yield bytes.subarray(at, at + each);
}

describe("what a host is asked", () => {
  it("gets the request's options and every common object once", async () => {
    const seen: PackRequest[] = [];
    const host = scriptedHost({
      async hasObjects(oids) {
        return oids.map((each) => each !== oid("c"));
      },
      async *createPack(request) {
        seen.push(request);
        yield new Uint8Array(0);
      },
    });
    const haves = ["b", "c", "b"].map((digit) => `have ${oid(digit)}`);
    await collect(
      serveUploadPack(host, [wanting(...haves, "thin-pack", "ofs-delta", "include-tag")], { version: 2 }),
    );
    expect(seen).toMatchObject([
      { wants: [oid("a")], haves: [oid("b")], thinPack: true, ofsDelta: true, includeTag: true },
    ]);
  });

  it("sends what was asked for prefixes as prefixes", async () => {
    const seen: unknown[] = [];
    const host = scriptedHost({
      async *listRefs(request) {
        seen.push(request?.prefixes, request?.peel);
        yield { name: "refs/a", oid: oid("a") };
      },
    });
    await collect(
      serveUploadPack(host, [packets("command=ls-refs", "0001", "peel", "ref-prefix refs/a", "0000")], {
        version: 2,
      }),
    );
    expect(seen).toEqual([["refs/a"], true]);
  });
});

describe("the packfile section", () => {
  it("has the same bytes however the pack is cut, and whenever its progress is told", async () => {
    const progress: PackProgress[] = [
      { phase: "enumerating", objects: 3, done: true },
      { phase: "counting", objects: 3, total: 3 },
      { phase: "total", objects: 3, deltas: 0, reused: 3, reusedDeltas: 0 },
    ];
    const answer = (each: number, totalsEarly: boolean): Promise<Buffer> =>
      collect(
        serveUploadPack(
          scriptedHost({
            async *createPack(request) {
              for (const report of progress.slice(0, totalsEarly ? 3 : 2)) request.onProgress?.(report);
              await Promise.resolve();
              yield* pieces(150_000, each);
              if (!totalsEarly) request.onProgress?.(progress[2] as PackProgress);
            },
          }),
          [wanting()],
          { version: 2 },
        ),
      );
    const expected = await answer(150_000, false);
    expect(bandOf(readPackets(expected).slice(1), 1)).toHaveLength(150_000);
    for (const each of [1000, 65_515, 65_516, 70_000]) {
      expect((await answer(each, each % 2 === 0)).equals(expected)).toBe(true);
    }
  });

  it("shows progress before the first byte of the pack is made", async () => {
    const gate = deferred();
    const host = scriptedHost({
      async *createPack(request) {
        request.onProgress?.({ phase: "enumerating", objects: 1, done: true });
        await gate.promise;
        yield new Uint8Array(1);
      },
    });
    const answer = serveUploadPack(host, [wanting()], { version: 2 })[Symbol.asyncIterator]();
    expect(String(Buffer.from((await answer.next()).value ?? []))).toBe("000dpackfile\n");
    expect(String(Buffer.from((await answer.next()).value ?? []))).toContain(
      "Enumerating objects: 1, done.\n",
    );
    gate.resolve();
    await answer.next();
    await answer.return(undefined);
  });

  it("is kept alive through silence", async () => {
    const gate = deferred();
    const host = scriptedHost({
      async *createPack() {
        await gate.promise;
        yield Uint8Array.of(7);
      },
    });
    const answer = serveUploadPack(host, [wanting()], { version: 2, keepAliveMs: 1 })[Symbol.asyncIterator]();
    expect(String(Buffer.from((await answer.next()).value ?? []))).toBe("000dpackfile\n");
    expect(String(Buffer.from((await answer.next()).value ?? []))).toBe("0005\u0001");
    expect(String(Buffer.from((await answer.next()).value ?? []))).toBe("0005\u0001");
    gate.resolve();
    const rest = await collect({ [Symbol.asyncIterator]: () => answer });
    expect(rest.toString().replaceAll("0005\u0001", "")).toBe("0006\u0001\u00070000");
  });

  it("tells what goes wrong inside it on band 3, and what it is to the caller", async () => {
    const errors: ProtocolError[] = [];
    const broken = new Error("disk /dev/sdb1 is on fire");
    const host = scriptedHost({
      async *createPack() {
        yield new Uint8Array(100_000);
        throw broken;
      },
    });
    const answer = await collect(
      serveUploadPack(host, [wanting()], { version: 2, onError: (error) => errors.push(error) }),
    );
    const found = readPackets(answer);
    expect(bandOf(found.slice(1), 3).toString()).toBe(
      "aborting due to possible repository corruption on the remote side.",
    );
    expect(found.at(-1)).not.toBe("0000");
    expect(answer.toString()).not.toContain("sdb1");
    expect(errors).toMatchObject([{ code: "PROTOCOL_HOST_FAILED", cause: broken }]);
  });

  it("never has more than two chunks of the pack at a time, and leaves the pack when its reader leaves", async () => {
    const places: number[] = [];
    const left: string[] = [];
    const pool = createChunkPool();
    let out = 0;
    const chunks = { take: () => (out++, pool.take()), give: pool.give };
    const host = scriptedHost({
      createPack: (request) => ({
        async readInto(targets) {
          places.push(targets.length);
          for (const target of targets) target.fill(7);
          return targets.reduce((sum, { length }) => sum + length, 0);
        },
        async *[Symbol.asyncIterator]() {},
        async [Symbol.asyncDispose]() {
          left.push(request.signal?.aborted === true ? "aborted" : "in good order");
        },
      }),
    });
    const answer = serveUploadPack(host, [wanting()], { version: 2, chunks })[Symbol.asyncIterator]();
    await answer.next();
    for (let taken = 1; taken < 6; taken++) {
      const { value } = await answer.next();
      await new Promise(setImmediate);
      expect(value?.length).toBe(taken === 1 ? 65_520 : 16 * 65_520);
      expect([out, places.length]).toEqual([taken, taken + 1]);
    }
    await answer.return();
    expect(places).toEqual([1, 16, 16, 16, 16, 16]);
    expect(left).toEqual(["aborted"]);
  });

  it("has not begun where the host throws at once", async () => {
    const answerWith = (thrown: Error): Promise<Buffer> =>
      collect(
        serveUploadPack(
          scriptedHost({
            createPack: () => failing(thrown),
          }),
          [wanting()],
          { version: 2 },
        ),
      );
    const missing = Object.assign(new Error("gone"), { code: "PACK_OBJECT_NOT_FOUND", oid: oid("a") });
    expect((await answerWith(missing)).toString().slice(4)).toBe(`ERR upload-pack: not our ref ${oid("a")}`);
    expect((await answerWith(new Error("secret"))).toString().slice(4)).toBe(
      "ERR aborting due to possible repository corruption on the remote side.",
    );
    const told = Object.assign(new Error("secret"), { clientMessage: "come back\u0007 later" });
    expect((await answerWith(told)).toString().slice(4)).toBe("ERR come back? later");
  });
});

describe("bounds", () => {
  it.each([
    [
      "wants",
      { maxWants: 1 },
      packets("command=fetch", "0001", `want ${oid("a")}`, `want ${oid("b")}`, "0000"),
    ],
    ["bytes", { maxRequestBytes: 100 }, wanting(...Array.from({ length: 3 }, () => `have ${oid("b")}`))],
  ])("%s", async (_, bound, request) => {
    const errors: ProtocolError[] = [];
    const options = { version: 2 as const, ...bound, onError: (error: ProtocolError) => errors.push(error) };
    const answer = await collect(serveUploadPack(scriptedHost(), [request], options));
    expect(answer.toString().slice(4, 8)).toBe("ERR ");
    expect(errors).toMatchObject([{ code: "PROTOCOL_LIMIT_EXCEEDED" }]);
  });

  it("count requests of one conversation apart", async () => {
    const one = packets("command=ls-refs", "0000");
    const input = Buffer.concat([one, one, one, packets("0000")]);
    const options = { version: 2 as const, stateless: false, maxRequestBytes: 30 };
    const answer = await collect(serveUploadPack(scriptedHost(), [input], options));
    expect(readPackets(answer).filter((each) => each === "0000")).toHaveLength(4);
  });
});

describe("leaving and aborting", () => {
  it("returns the host's pack and the input when its reader leaves", async () => {
    const left: string[] = [];
    const host = scriptedHost({
      async *createPack(request) {
        try {
          for (;;) yield new Uint8Array(70_000);
        } finally {
          left.push(request.signal?.aborted === true ? "pack, aborted" : "pack");
        }
      },
    });
    async function* input(): AsyncGenerator<Uint8Array> {
      try {
        yield wanting();
        yield wanting();
      } finally {
        left.push("input");
      }
    }
    let chunks = 0;
    for await (const _ of serveUploadPack(host, input(), { version: 2, stateless: false })) {
      if (++chunks === 5) break;
    }
    expect(left).toEqual(["pack, aborted", "input"]);
  });

  it("throws the signal's reason while it waits for the client", async () => {
    const stop = new AbortController();
    const silent: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
    };
    const answer = collect(serveUploadPack(scriptedHost(), silent, { version: 2, signal: stop.signal }));
    stop.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
  });

  it("throws the signal's reason while it waits for the host", async () => {
    const stop = new AbortController();
    const host = scriptedHost({
      createPack: (request) =>
        failing(
          new Promise((resolve) => {
            request.signal?.addEventListener("abort", () => resolve(request.signal?.reason));
          }),
        ),
    });
    const answer = collect(serveUploadPack(host, [wanting()], { version: 2, signal: stop.signal }));
    setImmediate(() => stop.abort(new Error("enough")));
    await expect(answer).rejects.toThrow("enough");
  });

  it("throws what the input throws", async () => {
    const broken = failing(new Error("ECONNRESET"));
    await expect(collect(serveUploadPack(scriptedHost(), broken, { version: 2 }))).rejects.toThrow(
      "ECONNRESET",
    );
  });

  it("does not throw for what a client did", async () => {
    const errors: ProtocolError[] = [];
    await collect(
      serveUploadPack(scriptedHost(), [packets("nonsense")], {
        version: 2,
        onError: (error) => errors.push(error),
      }),
    );
    expect(errors[0]).toBeInstanceOf(ProtocolError);
  });
});

describe("any bytes", () => {
  const request = Buffer.concat([
    packets("command=ls-refs\n", "agent=x", "0001", "symrefs", "unborn", "ref-prefix HEAD", "0000"),
    wanting(`have ${oid("b")}`, "no-progress"),
    packets("command=fetch", "0001", `want ${oid("a")}`, `have ${oid("c")}`, "0000", "0000"),
  ]);

  it("cut anywhere give the same answer", async () => {
    const options = { version: 2 as const, stateless: false };
    const expected = await collect(serveUploadPack(scriptedHost(), [request], options));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(request.length), { maxLength: 30 }), async (places) => {
        const answer = await collect(serveUploadPack(scriptedHost(), cut(request, places), options));
        expect(answer.equals(expected)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("end in an answer or in an error that has a code", async () => {
    const line = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom(
        "0000",
        "0001",
        "command=fetch",
        "command=ls-refs",
        `want ${oid("a")}`,
        "done",
        "agent=x",
      ),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
      fc.array(line, { maxLength: 12 }).map((lines) => packets(...lines)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (input) => {
        const errors: ProtocolError[] = [];
        const options = { version: 2 as const, onError: (error: ProtocolError) => errors.push(error) };
        const answer = await collect(serveUploadPack(scriptedHost(), [input], options));
        readPackets(answer);
        for (const error of errors) {
          expect(error.code).toMatch(/^PROTOCOL_/);
          expect(error.clientMessage).not.toMatch(/\p{Cc}/u);
        }
      }),
      { numRuns: 500 },
    );
  });
});

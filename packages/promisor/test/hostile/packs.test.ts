import { setTimeout as sleep } from "node:timers/promises";
import { PackError } from "@millrace/pack";
import { createMemoryStorage } from "@millrace/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createPromisor,
  openRemoteSource,
  openStoreCache,
  PromisorError,
  SharedPromisor,
  type SourceLimits,
} from "../../src/index.ts";
import {
  delta,
  type Entry,
  entryBytes,
  idOf,
  packOf,
  remoteOf,
  whole,
  withTrailer,
} from "../support/hostile.ts";

const BLOB = 3;
const WANTED = "1".repeat(40);

/** Fetches one object from a server that sends these bytes. */
async function fetchFrom(
  pack: Uint8Array | (() => AsyncIterable<Uint8Array>),
  limits: SourceLimits = {},
  wanted: string = WANTED,
  signal?: AbortSignal,
): Promise<unknown> {
  const answer = typeof pack === "function" ? pack : () => pack;
  const promisor = await createPromisor(openRemoteSource(remoteOf(answer), limits));
  try {
    return await promisor.resolve(wanted, { signal });
  } finally {
    expect(promisor.isEmpty).toBe(true);
  }
}

/** Instructions of a delta from a base of so many bytes to a result of so many. */
function instructions(baseBytes: number, resultBytes: number, ...rest: number[]): Uint8Array {
  return Uint8Array.from([...sizeBytes(baseBytes), ...sizeBytes(resultBytes), ...rest]);
}

function sizeBytes(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...sizeBytes(Math.floor(value / 128))];
}

/** A blob, and deltas on each other that each put a letter behind it. */
function chain(deltas: number): Entry[] {
  const entries = [whole(BLOB, Buffer.from("x"))];
  for (let size = 1; size <= deltas; size++) {
    entries.push(delta(entryBytes(entries.at(-1)!), instructions(size, size + 1, 0x90, size, 1, 0x79)));
  }
  return entries;
}

describe("a server's pack", () => {
  const base = Buffer.from("a base of some bytes\n");
  const small = whole(BLOB, base);
  const onBase = (...bytes: number[]): Buffer =>
    packOf([small, delta(entryBytes(small), Uint8Array.from(bytes))]);
  const flipped = (): Buffer => {
    const pack = packOf([small]);
    pack[pack.length - 1]! ^= 1;
    return pack;
  };

  const damaged: readonly [string, Uint8Array, string, SourceLimits?][] = [
    ["is none", packOf([small], { magic: "PUCK" }), "PACK_BAD_HEADER"],
    ["is of version 1", packOf([small], { version: 1 }), "PACK_BAD_HEADER"],
    ["announces five objects and has none", packOf([], { count: 5 }), "PACK_CORRUPT"],
    ["ends in its header", packOf([]).subarray(0, 7), "PACK_TRUNCATED"],
    ["has not one byte", new Uint8Array(), "PACK_TRUNCATED"],
    ["has another checksum", flipped(), "PACK_CHECKSUM_MISMATCH"],
    ["ends in an object", packOf([small]).subarray(0, 20), "PACK_TRUNCATED"],
    ["has an object of type 5", packOf([whole(5 as 3, base)]), "PACK_CORRUPT"],
    ["has an object of type 0", packOf([whole(0 as 3, base)]), "PACK_CORRUPT"],
    ["has an object longer than it says", packOf([whole(BLOB, base, 5)]), "PACK_CORRUPT"],
    ["has an object shorter than it says", packOf([whole(BLOB, base, 50)]), "PACK_CORRUPT"],
    ["builds on what lies before it", packOf([delta(10_000, instructions(1, 1, 1, 0))]), "PACK_CORRUPT"],
    [
      "builds on what nobody has",
      packOf([delta(Buffer.alloc(20, 7), instructions(1, 1, 1, 0))]),
      "PACK_MISSING_BASE",
    ],
    ["copies from beyond a base", onBase(...instructions(base.length, 9, 0x91, 200, 9)), "PACK_BAD_DELTA"],
    ["inserts more than it has", onBase(...instructions(base.length, 9, 9, 1, 2)), "PACK_BAD_DELTA"],
    [
      "builds on a base of another size",
      onBase(...instructions(base.length + 1, 1, 0x90, 1)),
      "PACK_BAD_DELTA",
    ],
    ["has an instruction that is none", onBase(...instructions(base.length, 1, 0)), "PACK_BAD_DELTA"],
    ["has a delta that ends in its sizes", onBase(0xff, 0xff), "PACK_BAD_DELTA"],
    [
      "inflates too well",
      packOf([whole(BLOB, Buffer.alloc(10_000))]),
      "PACK_LIMIT_EXCEEDED",
      { maxInflateRatio: 100 },
    ],
    [
      "has too large an object",
      packOf([whole(BLOB, Buffer.alloc(200))]),
      "PACK_LIMIT_EXCEEDED",
      { maxObjectBytes: 10 },
    ],
    [
      "makes too large an object",
      onBase(...instructions(base.length, 63, 0x90, 21, 0x90, 21, 0x90, 21)),
      "PACK_LIMIT_EXCEEDED",
      { maxObjectBytes: 40 },
    ],
    [
      "has too many objects",
      packOf([1, 2, 3].map((n) => whole(BLOB, Buffer.from([n])))),
      "PACK_LIMIT_EXCEEDED",
      { maxObjectCount: 2 },
    ],
    ["announces too many objects", packOf([], { count: 0xffff_ffff }), "PACK_LIMIT_EXCEEDED"],
    ["has too many deltas on each other", packOf(chain(2)), "PACK_LIMIT_EXCEEDED", { maxDeltaDepth: 1 }],
    [
      "has too many bytes",
      packOf([whole(BLOB, Buffer.from(base))]),
      "PACK_LIMIT_EXCEEDED",
      { maxPackBytes: 40 },
    ],
    [
      "comes to too much",
      packOf([small, whole(BLOB, Buffer.alloc(30))]),
      "PACK_LIMIT_EXCEEDED",
      { maxTotalBytes: 50 },
    ],
    [
      "is a bomb of large blobs",
      packOf([1, 2, 3].map((n) => whole(BLOB, Buffer.alloc(2 << 20, n)))),
      "PACK_LIMIT_EXCEEDED",
      { maxTotalBytes: 5 << 20 },
    ],
  ];
  it.each(damaged)("that %s", async (_, pack, code, limits) => {
    const error = await fetchFrom(pack, limits).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PackError);
    expect(error).toMatchObject({ code });
  });

  // A store does not have all objects in memory at once.
  const unfitToKeep = damaged.filter(([, , , limits]) => limits?.maxTotalBytes === undefined);
  it.each(unfitToKeep)("that %s is not kept in a store", async (_, pack, code, limits) => {
    const store = await createMemoryStorage().create("cache");
    await using cache = openStoreCache(store, { limits });
    const source = openRemoteSource(remoteOf(() => pack));
    const objects = new SharedPromisor(await createPromisor(source), { store: cache });
    await expect(objects.resolve(WANTED)).rejects.toMatchObject({ name: "PackError", code });
    await using view = await store.snapshot();
    expect(await view.packs()).toEqual([]);
  });

  it("that is within every bound is taken", async () => {
    const limits = {
      maxDeltaDepth: 3,
      maxInflateRatio: 2,
      maxTotalBytes: 10,
      maxObjectCount: 4,
      maxObjectBytes: 4,
    };
    const wanted = idOf("blob", Buffer.from("xyyy"));
    const promisor = await createPromisor(
      openRemoteSource(
        remoteOf(() => packOf(chain(3))),
        limits,
      ),
    );
    const { object } = await promisor.resolve(wanted);
    expect(Buffer.from(object.content).toString()).toBe("xyyy");
  });

  it("that takes 4,000 deltas on each other is taken, and one of 5,000 is not", async () => {
    const growing = (count: number): Buffer => {
      const entries = [whole(BLOB, Buffer.from("0"))];
      for (let n = 1; n <= count; n++) {
        entries.push(
          delta(entryBytes(entries.at(-1)!), instructions(n === 1 ? 1 : 2, 2, 2, n & 255, n >> 8)),
        );
      }
      return packOf(entries);
    };
    const last = idOf("blob", Buffer.from([4000 & 255, 4000 >> 8]));
    const promisor = await createPromisor(openRemoteSource(remoteOf(() => growing(4000))));
    expect((await promisor.resolve(last)).promisor.has(last)).toBe(true);
    await expect(fetchFrom(growing(5000))).rejects.toMatchObject({ code: "PACK_LIMIT_EXCEEDED" });
  });

  it.each([
    ["no object", packOf([]), 0],
    ["others only", packOf([small]), 1],
  ])("that has %s leaves the wanted one missing, and keeps what came", async (_, pack, count) => {
    const promisor = await createPromisor(openRemoteSource(remoteOf(() => pack)));
    const error = await promisor.resolve(WANTED).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "PROMISOR_OBJECT_MISSING", promisor: { objectCount: count } });
    expect(promisor.isEmpty).toBe(true);
  });

  it("that never ends is given up at a deadline, and so is one that pauses", async () => {
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      const [header] = whole(BLOB, Buffer.alloc(0), 400 << 20);
      yield packOf([], { count: 1 }).subarray(0, 12);
      yield header;
      for (;;) {
        await sleep(1);
        // Stored blocks of nothing.
        yield Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);
      }
    };
    const signal = AbortSignal.timeout(100);
    const blocks = async function* (): AsyncGenerator<Uint8Array> {
      let at = 0;
      for await (const chunk of endless())
        yield at++ === 2 ? Buffer.concat([Buffer.from([0x78, 0x9c]), chunk]) : chunk;
    };
    await expect(fetchFrom(blocks, {}, WANTED, signal)).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

describe("what claims to be a pack", () => {
  const isTyped = (error: unknown): boolean =>
    error instanceof PackError ||
    (error instanceof PromisorError && error.code === "PROMISOR_OBJECT_MISSING");
  const limits = { maxPackBytes: 1 << 20, maxTotalBytes: 1 << 20, maxObjectBytes: 1 << 20 };
  const judge = async (pack: Uint8Array): Promise<void> => {
    const promisor = await createPromisor(
      openRemoteSource(
        remoteOf(() => pack),
        limits,
      ),
    );
    const error = await promisor.resolve(WANTED).catch((reason: unknown) => reason);
    expect(isTyped(error), String(error)).toBe(true);
  };
  const bytes = fc.uint8Array({ maxLength: 300 });

  it("is any bytes", async () => {
    await fc.assert(fc.asyncProperty(bytes, judge), { numRuns: 1000 });
  });

  it("is any bytes behind a header, with a checksum that is right", async () => {
    const head = (count: number): Buffer => packOf([], { count }).subarray(0, 12);
    const garbage = fc.tuple(fc.nat(5), bytes).map(([count, rest]) => Buffer.concat([head(count), rest]));
    await fc.assert(
      fc.asyncProperty(garbage, (body) => judge(withTrailer(body))),
      { numRuns: 500 },
    );
  });

  it("has an object that is any bytes", async () => {
    const entry = fc.tuple(fc.constantFrom(1, 2, 3, 4, 6, 7), fc.nat(2000), bytes);
    await fc.assert(
      fc.asyncProperty(entry, ([kind, size, rest]) => {
        const isDelta = kind > 4;
        const base = kind === 6 ? size + 1 : Buffer.alloc(20, size);
        const [header] = isDelta ? delta(base, rest) : whole(kind, rest, size % 3 === 0 ? size : rest.length);
        const body = size % 2 === 0 ? whole(BLOB, rest)[1] : rest;
        return judge(packOf([whole(BLOB, Buffer.from("x")), [header, body]]));
      }),
      { numRuns: 500 },
    );
  });

  it("has a delta that is any bytes", async () => {
    const base = whole(BLOB, Buffer.alloc(100, "base"));
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), (rest, isSized) => {
        const code = isSized ? Buffer.concat([Uint8Array.from([100]), rest]) : rest;
        return judge(packOf([base, delta(entryBytes(base), code)]));
      }),
      { numRuns: 1000 },
    );
  });
});

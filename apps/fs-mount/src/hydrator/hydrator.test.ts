import { mkdtempSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFakeSource, type FakeSource, numberedBlob, oidOf } from "../../test/support/fake-source.ts";
import { type BlobCache, openBlobCache } from "../cache/blob-cache.ts";
import type { CachedBlob } from "../cache/open-blob.ts";
import type { BlobSource } from "./blob-source.ts";
import { Hydrator } from "./hydrator.ts";
import { PRIORITY } from "./priority.ts";

const blobs = Array.from({ length: 600 }, (_, i) => numberedBlob(i));
const oids = blobs.map((blob) => oidOf(blob));
let folder: string;
let cache: BlobCache;
let source: FakeSource;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-hydrator-"));
  cache = await openBlobCache({ folder });
  source = createFakeSource(blobs);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Something to wait for until it is let go. */
function createGate(): { readonly wait: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const wait = new Promise<void>((resolve) => (open = resolve));
  return { wait, open };
}

/** All that is under way now goes on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function contentOf(blob: CachedBlob): string {
  const content = Buffer.alloc(blob.sizeBytes);
  readSync(blob.fd, content, 0, content.length, 0);
  blob.release();
  return content.toString();
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => (error as { readonly code?: unknown }).code ?? error,
  );

describe("reads", () => {
  it("fetch a blob once and then find it in the cache", async () => {
    await using hydrator = new Hydrator({ cache, source });
    expect(contentOf(await hydrator.open(oids[1]!))).toBe(blobs[1]!.toString());
    expect(contentOf(await hydrator.open(oids[1]!))).toBe(blobs[1]!.toString());
    expect(await hydrator.hydrate(oids[1]!)).toBe(19);
    expect(source.requests).toEqual([[oids[1]]]);
  });

  it("of one moment travel together, each blob once", async () => {
    await using hydrator = new Hydrator({ cache, source });
    const reads = Array.from({ length: 4096 }, (_, i) => hydrator.hydrate(oids[i >> 3]!));
    await Promise.all(reads);
    expect(source.requests.length).toBe(1);
    expect(source.requests[0]!.length).toBe(512);
    expect(hydrator.counts).toEqual({
      fetches: 1,
      fetched: 512,
      fetchedBytes: 512 * 19,
      found: 0,
      failed: 0,
    });
  });

  it("travel in requests of bounded count and bytes", async () => {
    await using hydrator = new Hydrator({ cache, source, maxBatchCount: 200, maxBatchBytes: 1 << 20 });
    await Promise.all(oids.map((oid) => hydrator.hydrate(oid)));
    // 64 blobs of unknown size are taken for a megabyte.
    expect(Math.max(...source.requests.map((request) => request.length))).toBe(64);
    expect(source.requests.length).toBe(10);
  });

  it("join a fetch that is under way", async () => {
    await using hydrator = new Hydrator({ cache, source });
    const gate = createGate();
    source.gate = () => gate.wait;
    const first = hydrator.hydrate(oids[1]!);
    await turn();
    const second = hydrator.open(oids[1]!);
    hydrator.enqueue(oids[1]!, PRIORITY.text);
    gate.open();
    expect(await first).toBe(19);
    expect(contentOf(await second)).toBe(blobs[1]!.toString());
    expect(source.requests.length).toBe(1);
  });

  it("end when their signal says so, without a word to the others", async () => {
    await using hydrator = new Hydrator({ cache, source });
    const gate = createGate();
    source.gate = () => gate.wait;
    const stop = new AbortController();
    const leaving = hydrator.open(oids[1]!, 1000, stop.signal);
    const staying = hydrator.open(oids[1]!);
    await turn();
    stop.abort(new Error("interrupted"));
    await expect(leaving).rejects.toThrow("interrupted");
    await expect(hydrator.open(oids[2]!, 1000, stop.signal)).rejects.toThrow("interrupted");
    gate.open();
    expect(contentOf(await staying)).toBe(blobs[1]!.toString());
  });

  it("that nobody waits for any more do not leave", async () => {
    await using hydrator = new Hydrator({ cache, source });
    const stop = new AbortController();
    hydrator.enqueue(oids[2]!, PRIORITY.text);
    const leaving = [1, 2].map((i) => codeOf(hydrator.hydrate(oids[i]!, 1000, stop.signal)));
    stop.abort("interrupted");
    expect(await Promise.all(leaving)).toEqual(["interrupted", "interrupted"]);
    await hydrator.idle();
    expect(source.requests).toEqual([[oids[2]]]);
  });

  it("do not wait for what nobody waits for, nor for its place among the fetches", async () => {
    await using hydrator = new Hydrator({ cache, source, workers: 1 });
    const gate = createGate();
    source.gate = (asked) => (asked.includes(oids[0]!) ? gate.wait : undefined);
    for (const oid of oids.slice(0, 50)) hydrator.enqueue(oid, PRIORITY.text);
    await turn();
    // All of them are under way, and the one worker has them.
    expect(await hydrator.hydrate(oids[77]!)).toBe(19);
    gate.open();
    await hydrator.idle();
    expect(source.requests.map((request) => request.length)).toEqual([50, 1]);
  });

  it("that fail leave nothing behind and may be tried again", async () => {
    await using hydrator = new Hydrator({ cache, source });
    source.gate = () => Promise.reject(Object.assign(new Error("gone"), { code: "ECONNREFUSED" }));
    expect(await Promise.all([1, 2].map((i) => codeOf(hydrator.open(oids[i]!))))).toEqual([
      "ECONNREFUSED",
      "ECONNREFUSED",
    ]);
    source.gate = () => undefined;
    expect(await hydrator.hydrate(oids[1]!)).toBe(19);
  });

  it("are told of a blob that does not come, and the others get theirs", async () => {
    await using hydrator = new Hydrator({ cache, source });
    const reads = [oids[1]!, oidOf(Buffer.from("nowhere"))].map((oid) => codeOf(hydrator.hydrate(oid)));
    expect(await Promise.all(reads)).toEqual([undefined, "MOUNT_BLOB_MISSING"]);
  });

  it("fetch again what was damaged, also when it is found out in the queue", async () => {
    await using hydrator = new Hydrator({ cache, source });
    await hydrator.hydrate(oids[1]!);
    const place = join(folder, oids[1]!.slice(0, 1), oids[1]!);
    writeFileSync(place, "damaged");
    expect(contentOf(await hydrator.open(oids[1]!))).toBe(blobs[1]!.toString());
    expect(source.requests.length).toBe(2);
    // Another process puts a damaged file there while the blob waits for its turn.
    const later = hydrator.open(oids[2]!);
    (await cache.put(oids[2]!, blobs[2]!))[Symbol.dispose]();
    writeFileSync(join(folder, oids[2]!.slice(0, 1), oids[2]!), "damaged");
    expect(contentOf(await later)).toBe(blobs[2]!.toString());
    expect(hydrator.counts).toMatchObject({ found: 1, fetched: 3 });
  });

  it("find what another process has fetched meanwhile", async () => {
    await using hydrator = new Hydrator({ cache, source });
    const reads = [hydrator.open(oids[1]!), hydrator.open(oids[1]!)];
    const whole = hydrator.hydrate(oids[1]!);
    (await cache.put(oids[1]!, blobs[1]!))[Symbol.dispose]();
    for (const blob of await Promise.all(reads)) expect(contentOf(blob)).toBe(blobs[1]!.toString());
    expect(await whole).toBe(19);
    expect(source.requests).toEqual([]);
  });

  it("of bytes are bounded", async () => {
    await using hydrator = new Hydrator({ cache, source });
    expect(Buffer.from(await hydrator.read(oids[1]!, 19))).toEqual(blobs[1]);
    expect(await codeOf(hydrator.read(oids[1]!, 18))).toBe("MOUNT_BLOB_TOO_LARGE");
    expect(await codeOf(hydrator.read(oids[2]!, 18))).toBe("MOUNT_BLOB_TOO_LARGE");
  });
});

describe("what nobody waits for", () => {
  it("is fetched once, in requests of 256, the likely first", async () => {
    await using hydrator = new Hydrator({ cache, source, workers: 1 });
    for (const oid of oids.slice(0, 300)) hydrator.enqueue(oid, PRIORITY.other);
    for (const oid of oids.slice(0, 300)) hydrator.enqueue(oid, PRIORITY.other);
    hydrator.enqueue(oids[299]!, PRIORITY.bootstrap);
    await hydrator.idle();
    expect(source.requests.map((request) => request.length)).toEqual([256, 44]);
    expect(source.requests[0]!.slice(0, 3)).toEqual([oids[299], oids[0], oids[1]]);
  });

  it("is not fetched when it is here", async () => {
    for (const [i, oid] of oids.entries()) (await cache.put(oid, blobs[i]!))[Symbol.dispose]();
    await using hydrator = new Hydrator({ cache, source });
    for (const oid of oids) hydrator.enqueue(oid, PRIORITY.text);
    await hydrator.idle();
    expect(source.requests).toEqual([]);
    expect(hydrator.counts.found).toBe(600);
  });

  it("uses all workers at once where there is a backlog", async () => {
    await using hydrator = new Hydrator({ cache, source, workers: 8, maxBatchCount: 1 });
    const gate = createGate();
    source.gate = () => gate.wait;
    for (const oid of oids.slice(0, 20)) hydrator.enqueue(oid, PRIORITY.text);
    await turn();
    expect(source.requests.length).toBe(8);
    gate.open();
    await hydrator.idle();
    expect(source.requests.length).toBe(20);
  });

  it("of a directory is what is likely to be read, and not too large", async () => {
    await using hydrator = new Hydrator({ cache, source, maxPrefetchCount: 3, maxPrefetchBytes: 18 });
    (await cache.put(oids[3]!, blobs[3]!))[Symbol.dispose]();
    await hydrator.sizeOf([oids[4]!]);
    source.requests.length = 0;
    const names = ["x.png", "a.ts", "README.md", "here.ts", "known.ts", "b.ts"];
    hydrator.prefetch(names.map((name, i) => ({ name, oid: oids[i]! })));
    await hydrator.idle();
    expect(source.requests).toEqual([[oids[2], oids[1], oids[5]]]);
  });
});

describe("sizes", () => {
  it("come from the source in one request where it can tell", async () => {
    const asked: string[][] = [];
    const telling: BlobSource = {
      ...source,
      sizes: (wanted) => {
        asked.push([...wanted]);
        return Promise.resolve(new Map(wanted.map((oid) => [oid, 19])));
      },
    };
    await using hydrator = new Hydrator({ cache, source: telling });
    const answers = await Promise.all(
      [oids.slice(0, 300), oids.slice(200, 600)].map((some) => hydrator.sizeOf(some)),
    );
    expect(answers.map(({ size }) => size)).toEqual([300, 400]);
    expect(asked.map(({ length }) => length)).toEqual([600]);
    expect(source.requests).toEqual([]);
    await hydrator.sizeOf(oids);
    expect(asked.length).toBe(1);
  });

  it("come with the blobs where it cannot, one request for all; what is missing is left out", async () => {
    await using hydrator = new Hydrator({ cache, source });
    const nowhere = oidOf(Buffer.from("nowhere"));
    (await cache.put(oids[0]!, blobs[0]!))[Symbol.dispose]();
    const sizes = await hydrator.sizeOf([...oids, nowhere]);
    expect(sizes.size).toBe(600);
    expect([...new Set(sizes.values())]).toEqual([19]);
    expect(source.requests.length).toBe(1);
    expect(source.requests[0]!.length).toBe(600);
  });

  it("that cannot be had are an error, and waiting for them can be left", async () => {
    await using hydrator = new Hydrator({ cache, source });
    source.gate = () => Promise.reject(Object.assign(new Error("gone"), { code: "ECONNREFUSED" }));
    expect(await codeOf(hydrator.sizeOf(oids))).toBe("ECONNREFUSED");
    source.gate = () => new Promise(() => undefined);
    const stop = new AbortController();
    const leaving = codeOf(hydrator.sizeOf(oids, stop.signal));
    await turn();
    stop.abort("interrupted");
    expect(await leaving).toBe("interrupted");
  });
});

describe("large blobs", () => {
  const large = Buffer.alloc(300_000, "large");
  const oid = oidOf(large);

  it("are read before they are whole, also by those who come later", async () => {
    const gate = createGate();
    const slow: BlobSource = {
      async fetch(_oids, receiver) {
        const chunks = async function* (): AsyncGenerator<Uint8Array> {
          yield large.subarray(0, 100_000);
          await gate.wait;
          yield large.subarray(100_000);
        };
        await receiver.pieces(oid, large.length, chunks());
      },
    };
    await using hydrator = new Hydrator({ cache, source: slow, eagerBytes: 200_000 });
    const whole = hydrator.hydrate(oid);
    expect(await hydrator.sizeOf([oid])).toEqual(new Map([[oid, large.length]]));
    using first = await hydrator.open(oid);
    await first.readable?.(100_000);
    using second = await hydrator.open(oid);
    expect(cache.has(oid)).toBe(false);
    const end = second.readable?.(large.length);
    gate.open();
    await end;
    expect(await whole).toBe(large.length);
    expect(cache.has(oid)).toBe(true);
    expect(Buffer.from(await hydrator.read(oid, 1 << 20)).equals(large)).toBe(true);
  });

  it("that break off fail whoever reads them, and those that come damaged", async () => {
    const faults: ((chunks: Buffer) => AsyncGenerator<Uint8Array>)[] = [
      async function* (content) {
        yield content.subarray(0, 1000);
        throw Object.assign(new Error("reset"), { code: "ECONNRESET" });
      },
      async function* (content) {
        yield content.subarray(0, 1000);
      },
      async function* (content) {
        yield Buffer.alloc(content.length);
      },
      async function* (content) {
        yield content;
        yield content;
      },
    ];
    const codes: unknown[] = [];
    for (const fault of faults) {
      const broken: BlobSource = {
        fetch: (_oids, receiver) => receiver.pieces(oid, large.length, fault(large)),
      };
      await using hydrator = new Hydrator({ cache, source: broken, eagerBytes: 1 });
      using blob = await hydrator.open(oid);
      const whole = codeOf(hydrator.hydrate(oid));
      codes.push([await codeOf(blob.readable!(large.length)), await whole]);
    }
    const damaged = ["MOUNT_BLOB_DAMAGED", "MOUNT_BLOB_DAMAGED"];
    expect(codes).toEqual([["ECONNRESET", "ECONNRESET"], damaged, damaged, damaged]);
    expect(cache.has(oid)).toBe(false);
  });

  it("are readable when they are larger than the cache", async () => {
    const small = await openBlobCache({ folder, maxBytes: 8192 });
    for (const pieceBytes of [50_000, 1 << 20]) {
      await using hydrator = new Hydrator({ cache: small, source: createFakeSource([large], pieceBytes) });
      const read = (): Promise<Uint8Array> => hydrator.read(oid, 1 << 20);
      const reads = await Promise.all([read(), read()]);
      for (const content of reads) expect(Buffer.from(content).equals(large)).toBe(true);
      expect(small.has(oid)).toBe(false);
    }
  });
});

describe("the end", () => {
  it("of a fetch that brings nothing comes in time, whatever the source does", async () => {
    await using hydrator = new Hydrator({ cache, source, stallMs: 20 });
    source.gate = () => new Promise(() => undefined);
    expect(await codeOf(hydrator.open(oids[1]!))).toBe("MOUNT_FETCH_STALLED");
    source.gate = () => undefined;
    expect(await hydrator.hydrate(oids[1]!)).toBe(19);
  });

  it("is told to all who wait, and refuses those who come later", async () => {
    const hydrator = new Hydrator({ cache, source, workers: 1, maxBatchCount: 1 });
    source.gate = () => new Promise(() => undefined);
    hydrator.enqueue(oids[5]!, PRIORITY.text);
    const waits = [
      hydrator.open(oids[1]!),
      hydrator.hydrate(oids[2]!),
      hydrator.hydrate(oids[3]!, PRIORITY.text),
      hydrator.sizeOf([oids[4]!]),
    ].map((wait) => codeOf(wait));
    await turn();
    const unstarted = codeOf(hydrator.open(oids[6]!));
    await hydrator.stop();
    expect(new Set(await Promise.all([...waits, unstarted]))).toEqual(new Set(["MOUNT_STOPPED"]));
    expect(await codeOf(hydrator.open(oids[1]!))).toBe("MOUNT_STOPPED");
    expect(await codeOf(hydrator.sizeOf([oids[1]!]))).toBe("MOUNT_STOPPED");
    hydrator.prefetch([{ name: "x", oid: oids[1]! }]);
    await hydrator.idle();
    expect(source.requests.length).toBe(2);
  });
});

import * as fs from "node:fs/promises";
import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createHasher,
  encodePackHeader,
  hashObject,
  indexPack,
  type ObjectFormat,
  type ObjectType,
  oidFromBytes,
  type PackSink,
} from "../../src/index.ts";
import {
  appendingDelta,
  buildPack,
  bytesAccess,
  chunked,
  encodeEntryHeader,
  finishedPack,
  git,
  gitIndexPack,
  makeFolder,
  makeRepository,
  memorySink,
  noise,
  packObjects,
} from "./pack-fixtures.ts";

describe.each(["sha1", "sha256"] as const)("indexPack and git index-pack, %s", (format: ObjectFormat) => {
  let dir: string;
  beforeAll(async () => {
    dir = await makeFolder();
    makeRepository(dir, format, 60);
  });
  afterAll(() => fs.rm(dir, { recursive: true, force: true }));

  it.each([
    ["deltas by distance", ["--delta-base-offset"]],
    ["deltas by id", []],
    ["long chains", ["--delta-base-offset", "--depth=200", "--window=20", "--no-reuse-delta"]],
    ["no deltas", ["--depth=0", "--no-reuse-delta"]],
  ])("makes the same idx and rev: %s", async (_name, flags) => {
    const pack = packObjects(dir, flags, "main\nv1\n");
    const sink = memorySink();
    const seen = new Map<string, string>();
    const indexed = await indexPack(chunked(pack, 50_000), {
      format,
      sink,
      visit(object) {
        const oid = oidFromBytes(object.oid, 0, format);
        expect(seen.has(oid)).toBe(false);
        seen.set(oid, `${object.type} ${object.sizeBytes}`);
        if (object.content === undefined) expect(object.sizeBytes).toBeGreaterThan(1 << 20);
        else expect(hashObject(format, object.type, object.content)).toEqual(object.oid);
      },
    });
    const expected = await gitIndexPack(pack, format);
    expect(Buffer.compare(indexed.idx, expected.idx)).toBe(0);
    expect(Buffer.compare(indexed.rev, expected.rev)).toBe(0);
    expect(Buffer.compare(finishedPack(sink, indexed), pack)).toBe(0);
    expect(indexed.packBytes).toBe(pack.length);
    expect(indexed.appendedBases).toBe(0);
    const listed = git(dir, ["cat-file", "--batch-all-objects", "--batch-check"])
      .toString()
      .trim()
      .split("\n");
    expect([...seen].map(([oid, rest]) => `${oid} ${rest}`).sort()).toEqual(listed.sort());
  });

  it("makes the same index in chunks of any size", async () => {
    const pack = packObjects(dir, ["--delta-base-offset", "--filter=blob:limit=10k"], "main\nv1\n");
    const expected = await gitIndexPack(pack, format, []);
    for (const chunkBytes of [1, 7, 4096, 1 << 20]) {
      const sink = memorySink();
      const indexed = await indexPack(chunked(pack, chunkBytes), { format, sink });
      expect(Buffer.compare(indexed.idx, expected.idx)).toBe(0);
      expect(Buffer.compare(finishedPack(sink, indexed), pack)).toBe(0);
    }
  });

  it.each([
    ["by distance", ["--delta-base-offset"]],
    ["by id", []],
  ])("completes a thin pack, deltas %s", async (_name, flags) => {
    const pack = packObjects(dir, ["--thin", ...flags], "main\n^main~5\n");
    const sink = memorySink();
    const visited = new Set<string>();
    const indexed = await indexPack([pack], {
      format,
      sink,
      async resolveBase(oid) {
        const type = git(dir, ["cat-file", "-t", oid]).toString().trim() as ObjectType;
        return { type, content: git(dir, ["cat-file", type, oid]) };
      },
      visit: (object) => visited.add(oidFromBytes(object.oid, 0, format)),
    });
    expect(indexed.appendedBases).toBeGreaterThan(0);
    expect(indexed.objectCount).toBe(visited.size + indexed.appendedBases);
    const finished = finishedPack(sink, indexed);
    expect(finished.length).toBe(indexed.packBytes);
    const expected = await gitIndexPack(finished, format, []);
    expect(Buffer.compare(indexed.idx, expected.idx)).toBe(0);
    expect(Buffer.compare(indexed.rev, expected.rev)).toBe(0);
  });

  it("refuses a thin pack where nobody has its bases", async () => {
    const pack = packObjects(dir, ["--thin", "--delta-base-offset"], "main\n^main~5\n");
    await expect(indexPack([pack], { format, sink: memorySink() })).rejects.toMatchObject({
      code: "PACK_MISSING_BASE",
    });
    await expect(
      indexPack([pack], { format, sink: memorySink(), resolveBase: async () => undefined }),
    ).rejects.toMatchObject({ code: "PACK_MISSING_BASE" });
  });

  it("gives the same index with hardly any memory for bases", async () => {
    const pack = packObjects(dir, ["--depth=200", "--window=20", "--no-reuse-delta"], "main\nv1\n");
    const expected = await gitIndexPack(pack, format);
    const indexed = await indexPack([pack], { format, sink: memorySink(), deltaBytes: 1 });
    expect(Buffer.compare(indexed.idx, expected.idx)).toBe(0);
  });
});

describe("indexPack", () => {
  const blob = (content: Uint8Array) => [encodeEntryHeader(3, content.length), deflateSync(content)] as const;

  it("takes an empty pack", async () => {
    const pack = buildPack([]);
    const indexed = await indexPack([pack], { format: "sha1", sink: memorySink() });
    const expected = await gitIndexPack(pack, "sha1");
    expect(Buffer.compare(indexed.idx, expected.idx)).toBe(0);
    expect(Buffer.compare(indexed.rev, expected.rev)).toBe(0);
    expect(indexed.objectCount).toBe(0);
  });

  it.each(["by distance", "by id, bases first", "by id, bases last"])(
    "resolves a chain of 3,000 deltas %s",
    async (kind) => {
      const entries: [Uint8Array, Uint8Array][] = [];
      let content = Buffer.from("start ");
      let previousBytes = 0;
      for (let i = 0; i < 3000; i++) {
        const suffix = Buffer.from(String(i % 10));
        if (i === 0) {
          entries.push([...blob(content)]);
        } else {
          const delta = appendingDelta(content.length, suffix);
          const base = kind === "by distance" ? previousBytes : hashObject("sha1", "blob", content);
          entries.push([
            encodeEntryHeader(kind === "by distance" ? 6 : 7, delta.length, base),
            deflateSync(delta),
          ]);
          content = Buffer.concat([content, suffix]);
        }
        previousBytes = entries[i]![0].length + entries[i]![1].length;
      }
      if (kind === "by id, bases last") entries.reverse();
      const pack = buildPack(entries);
      const indexed = await indexPack(chunked(pack, 10_000), { format: "sha1", sink: memorySink() });
      const expected = await gitIndexPack(pack, "sha1", []);
      expect(Buffer.compare(indexed.idx, expected.idx)).toBe(0);
    },
  );

  it("resolves a deep tree of deltas within a small budget", async () => {
    // Each object has two deltas, of which the first goes on: all of them are waited for at once.
    let content = Buffer.from(noise(4000, 3));
    const entries: (readonly [Uint8Array, Uint8Array])[] = [blob(content)];
    for (let i = 0; i < 400; i++) {
      const base = hashObject("sha1", "blob", content);
      for (const suffix of [`${i % 10}`, "leaf"]) {
        const delta = appendingDelta(content.length, Buffer.from(suffix));
        entries.push([encodeEntryHeader(7, delta.length, base), deflateSync(delta)]);
      }
      content = Buffer.concat([content, Buffer.from(`${i % 10}`)]);
    }
    const pack = buildPack(entries);
    const expected = await gitIndexPack(pack, "sha1", []);
    for (const deltaBytes of [1, 100_000, 1 << 26]) {
      let visits = 0;
      const options = { format: "sha1", sink: memorySink(), deltaBytes, visit: () => visits++ } as const;
      const indexed = await indexPack([pack], options);
      expect(Buffer.compare(indexed.idx, expected.idx)).toBe(0);
      expect(visits).toBe(entries.length);
    }
  });

  it("holds little memory, however long the stream", async () => {
    const count = 250;
    const content = noise(1_000_000, 5);
    async function* source(): AsyncGenerator<Uint8Array> {
      const hasher = createHasher("sha1");
      const header = encodePackHeader(count);
      hasher.update(header);
      yield header;
      for (let i = 0; i < count; i++) {
        content[0] = i;
        const entry = Buffer.concat([
          encodeEntryHeader(3, content.length),
          deflateSync(content, { level: 0 }),
        ]);
        hasher.update(entry);
        yield* chunked(entry, 1 << 16);
      }
      yield hasher.digest();
    }
    let highestBytes = 0;
    const before = process.memoryUsage().rss;
    const sink: PackSink = {
      async write() {
        highestBytes = Math.max(highestBytes, process.memoryUsage().rss - before);
      },
      open: async () => bytesAccess(new Uint8Array(0)),
    };
    const indexed = await indexPack(source(), { format: "sha1", sink });
    expect(indexed.objectCount).toBe(count);
    expect(indexed.packBytes).toBeGreaterThan(count * 1_000_000);
    expect(highestBytes).toBeLessThan(150_000_000);
  });

  it("does not append a base that turns out to be in the pack", async () => {
    const outer = Buffer.from("held by the repository alone\n");
    const middle = Buffer.concat([outer, Buffer.from("middle\n")]);
    const inner = Buffer.concat([middle, Buffer.from("inner\n")]);
    const onMiddle = appendingDelta(middle.length, Buffer.from("inner\n"));
    const onOuter = appendingDelta(outer.length, Buffer.from("middle\n"));
    const pack = buildPack([
      [encodeEntryHeader(7, onMiddle.length, hashObject("sha1", "blob", middle)), deflateSync(onMiddle)],
      [encodeEntryHeader(7, onOuter.length, hashObject("sha1", "blob", outer)), deflateSync(onOuter)],
    ]);
    const known = new Map(
      [outer, middle, inner].map((c) => [Buffer.from(hashObject("sha1", "blob", c)).toString("hex"), c]),
    );
    const sink = memorySink();
    const indexed = await indexPack([pack], {
      format: "sha1",
      sink,
      resolveBase: async (oid) => ({ type: "blob", content: known.get(oid)! }),
    });
    expect(indexed).toMatchObject({ objectCount: 3, appendedBases: 1 });
    const expected = await gitIndexPack(finishedPack(sink, indexed), "sha1", []);
    expect(Buffer.compare(indexed.idx, expected.idx)).toBe(0);
  });

  it("stops at the pack's end and reports what came with it", async () => {
    const pack = buildPack([blob(Buffer.from("content"))]);
    let left = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.concat([pack, Buffer.from("more")]);
        throw new Error("asked for more than the pack");
      } finally {
        left = true;
      }
    }
    const indexed = await indexPack(source(), { format: "sha1", sink: memorySink() });
    expect(Buffer.from(indexed.trailing).toString()).toBe("more");
    expect(left).toBe(true);
  });

  it("is aborted while it waits for a source that says nothing", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    async function* source(): AsyncGenerator<Uint8Array> {
      yield buildPack([]).subarray(0, 5);
      await new Promise(() => undefined);
    }
    const indexing = indexPack(source(), { format: "sha1", sink: memorySink(), signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(indexing).rejects.toBe(reason);
  });

  it("reports progress", async () => {
    const pack = buildPack([blob(Buffer.from("a")), blob(Buffer.from("b"))]);
    const progress: unknown[] = [];
    await indexPack([pack], { format: "sha1", sink: memorySink(), onProgress: (p) => progress.push(p) });
    expect(progress.at(-1)).toEqual({ phase: "receiving", objects: 2, total: 2, bytes: pack.length });
  });

  it("passes on what a sink throws", async () => {
    const full = new Error("disk full");
    const sink = { write: () => Promise.reject(full), open: async () => bytesAccess(new Uint8Array(0)) };
    await expect(indexPack([buildPack([])], { format: "sha1", sink })).rejects.toBe(full);
  });
});

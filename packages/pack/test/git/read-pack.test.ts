import * as fs from "node:fs/promises";
import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createBlockCache,
  createByteCache,
  encodePackIndex,
  hashObject,
  indexPack,
  type ObjectFormat,
  openPackIndex,
  openPackReader,
  type PackReader,
} from "../../src/index.ts";
import {
  appendingDelta,
  buildPack,
  bytesAccess,
  collect,
  encodeEntryHeader,
  git,
  gitIndexPack,
  makeFolder,
  makeRepository,
  memorySink,
  packObjects,
  readerOf,
} from "./pack-fixtures.ts";

describe.each(["sha1", "sha256"] as const)("a pack reader and git cat-file, %s", (format: ObjectFormat) => {
  let dir: string;
  const packs: { pack: Uint8Array; idx: Uint8Array }[] = [];
  beforeAll(async () => {
    dir = await makeFolder();
    makeRepository(dir, format, 40);
    for (const flags of [["--delta-base-offset", "--depth=50"], ["--no-reuse-delta"]]) {
      const pack = packObjects(dir, flags, "main\nv1\n");
      packs.push({ pack, idx: (await gitIndexPack(pack, format)).idx });
    }
  });
  afterAll(() => fs.rm(dir, { recursive: true, force: true }));

  it.each([
    ["ample caches", {}],
    ["tiny blocks and no room", { blockBytes: 100, budgetBytes: 1000 }],
  ])("reads every object, %s", async (_name, options) => {
    for (const { pack, idx } of packs) {
      const reader = readerOf(pack, idx, format, options);
      for (let position = 0; position < reader.index.count; position++) {
        const object = await reader.read(position);
        const oid = Buffer.from(hashObject(format, object.type, object.content)).toString("hex");
        expect(oid).toBe(reader.index.oidAt(position));
      }
    }
  });

  it("knows types and sizes", async () => {
    const lines = git(dir, ["cat-file", "--batch-all-objects", "--batch-check"])
      .toString()
      .trim()
      .split("\n");
    for (const { pack, idx } of packs) {
      const cold = readerOf(pack, idx, format);
      const described: string[] = [];
      for (let position = 0; position < cold.index.count; position++) {
        const { type, sizeBytes } = await cold.info(position);
        described.push(`${cold.index.oidAt(position)} ${type} ${sizeBytes}`);
      }
      expect(described).toEqual(lines);
    }
  });

  it("makes entries that lean on no other, and remembers them as far as there is room", async () => {
    const { pack, idx } = packs[0]!;
    const reader = readerOf(pack, idx, format);
    const forgetful = readerOf(pack, idx, format, { budgetBytes: 0 });
    const entries: [Uint8Array, Uint8Array][] = [];
    for (let position = 0; position < reader.index.count; position++) {
      const entry = await reader.wholeEntry(position);
      entries.push([entry, new Uint8Array(0)]);
      if (entry.length < 1_000_000) expect(await reader.wholeEntry(position)).toBe(entry);
      const again = await forgetful.wholeEntry(position);
      expect(again).not.toBe(entry);
      expect(Buffer.compare(again, entry)).toBe(0);
    }
    const whole = buildPack(entries, format);
    const { idx: rebuilt } = await gitIndexPack(whole, format);
    const index = openPackIndex(rebuilt, format);
    expect(index.count).toBe(reader.index.count);
    for (let position = 0; position < index.count; position++) {
      expect(index.oidAt(position)).toBe(reader.index.oidAt(position));
    }
    const before = await reader.wholeEntry(0);
    reader.release();
    expect(await reader.wholeEntry(0)).not.toBe(before);
  });

  it("gives bytes as they are stored, at once when they are at hand", async () => {
    const { pack, idx } = packs[0]!;
    const reader = readerOf(pack, idx, format, { blockBytes: 1000 });
    for (const [offset, length] of [
      [0, 12],
      [990, 30],
      [5000, 2500],
      [pack.length - 5, 100],
    ] as const) {
      const expected = pack.subarray(offset, offset + length);
      expect(Buffer.compare(await reader.storedBytes(offset, length), expected)).toBe(0);
      expect(reader.storedBytes(offset, length)).toBeInstanceOf(Uint8Array);
    }
  });

  it("streams objects of any size in chunks", async () => {
    const { pack, idx } = packs[0]!;
    const reader = readerOf(pack, idx, format);
    for (let position = 0; position < reader.index.count; position++) {
      const { type, sizeBytes, content } = await reader.stream(position);
      let largest = 0;
      async function* watched(): AsyncGenerator<Uint8Array> {
        for await (const chunk of content) {
          largest = Math.max(largest, chunk.length);
          yield chunk;
        }
      }
      const bytes = await collect(watched());
      expect(bytes.length).toBe(sizeBytes);
      expect(largest).toBeLessThanOrEqual(256 * 1024);
      expect(Buffer.from(hashObject(format, type, bytes)).toString("hex")).toBe(reader.index.oidAt(position));
    }
  });

  it("tells entry headers as git verify-pack does", async () => {
    const { pack, idx } = packs[0]!;
    const reader = readerOf(pack, idx, format);
    await fs.writeFile(`${dir}/a.pack`, pack);
    await fs.writeFile(`${dir}/a.idx`, idx);
    const lines = git(dir, ["verify-pack", "-v", "a.idx"]).toString().split("\n");
    let deltas = 0;
    for (const line of lines) {
      const [oid, , size, packedSize, offset, depth, base] = line.split(/ +/);
      if (offset === undefined || !/^[0-9a-f]{40}/.test(oid!)) continue;
      const entry = await reader.entryHeader(Number(offset));
      expect([entry.sizeBytes, entry.endOffset - entry.offset]).toEqual([Number(size), Number(packedSize)]);
      expect(entry.kind === 6).toBe(depth !== undefined);
      if (base === undefined) continue;
      deltas++;
      expect(reader.index.oidAt(reader.index.positionAtOffset(entry.baseOffset))).toBe(base);
    }
    expect(deltas).toBeGreaterThan(30);
  });
});

describe("a pack reader", () => {
  async function open(entries: Parameters<typeof buildPack>[0]): Promise<PackReader> {
    const pack = buildPack(entries);
    const { idx } = await indexPack([pack], { format: "sha1", sink: memorySink() });
    return readerOf(pack, idx, "sha1");
  }
  const blob = (content: Uint8Array) => [encodeEntryHeader(3, content.length), deflateSync(content)] as const;

  it("shares nothing that a reader could spoil through a stream", async () => {
    const reader = await open([blob(Buffer.from("abc"))]);
    (await collect((await reader.stream(0)).content)).fill(0);
    for await (const chunk of (await reader.stream(0)).content) chunk.fill(0);
    expect(Buffer.from((await reader.read(0)).content).toString()).toBe("abc");
  });

  it("finds a circle of deltas", async () => {
    const oids = [new Uint8Array(20).fill(1), new Uint8Array(20).fill(2)];
    const delta = appendingDelta(1, Buffer.from("x"));
    const entries = [
      [encodeEntryHeader(7, delta.length, oids[1]), deflateSync(delta)],
      [encodeEntryHeader(7, delta.length, oids[0]), deflateSync(delta)],
    ] as const;
    const pack = buildPack(entries);
    const second = 12 + entries[0][0].length + entries[0][1].length;
    const idx = encodePackIndex({
      format: "sha1",
      count: 2,
      oids: Buffer.concat(oids),
      offsets: Float64Array.of(12, second),
      crcs: new Uint32Array(2),
      packChecksum: pack.slice(-20),
    });
    const reader = readerOf(pack, idx, "sha1");
    await expect(reader.read(0)).rejects.toMatchObject({ code: "PACK_CORRUPT" });
    await expect(reader.info(1)).rejects.toMatchObject({ code: "PACK_CORRUPT" });
  });

  it("answers damage by a typed error with the entry's offset", async () => {
    const content = Buffer.from("some content that is long enough to be deflated, deflated, deflated");
    const pack = buildPack([blob(content)]);
    const { idx } = await indexPack([pack], { format: "sha1", sink: memorySink() });
    for (let at = 12; at < pack.length - 20; at++) {
      for (const mask of [1, 0x80]) {
        const damaged = pack.slice();
        damaged[at]! ^= mask;
        const reader = readerOf(damaged, idx, "sha1");
        try {
          // Padding bits of the deflate stream say nothing.
          expect(await reader.read(0)).toEqual({ type: "blob", content: new Uint8Array(content) });
        } catch (error) {
          expect(error).toMatchObject({ name: "PackError", offset: 12 });
        }
      }
    }
  });

  it("takes bases from outside where it is told how", async () => {
    const base = Buffer.from("base ");
    const oid = hashObject("sha1", "blob", base);
    const delta = appendingDelta(base.length, Buffer.from("more"));
    const pack = buildPack([[encodeEntryHeader(7, delta.length, oid), deflateSync(delta)]]);
    const idx = encodePackIndex({
      format: "sha1",
      count: 1,
      oids: hashObject("sha1", "blob", Buffer.from("base more")),
      offsets: Float64Array.of(12),
      crcs: new Uint32Array(1),
      packChecksum: pack.slice(-20),
    });
    await expect(readerOf(pack, idx, "sha1").read(0)).rejects.toMatchObject({ code: "PACK_MISSING_BASE" });
    const reader = openPackReader({
      source: bytesAccess(pack),
      index: openPackIndex(idx, "sha1"),
      bases: createByteCache({ budgetBytes: 1000 }),
      blocks: createBlockCache({ budgetBytes: 1000 }),
      resolveExternal: async (asked) =>
        asked === Buffer.from(oid).toString("hex") ? { type: "blob", content: base } : undefined,
    });
    expect(await reader.info(0)).toEqual({ type: "blob", sizeBytes: 9 });
    expect(Buffer.from((await reader.read(0)).content).toString()).toBe("base more");
  });

  it("does not hold what is over its limit", async () => {
    const pack = buildPack([blob(new Uint8Array(2_000_000))]);
    const { idx } = await indexPack([pack], { format: "sha1", sink: memorySink() });
    const reader = openPackReader({
      source: bytesAccess(pack),
      index: openPackIndex(idx, "sha1"),
      bases: createByteCache({ budgetBytes: 1000 }),
      blocks: createBlockCache({ budgetBytes: 1000 }),
      maxObjectBytes: 1_000_000,
    });
    await expect(reader.read(0)).rejects.toMatchObject({ code: "PACK_LIMIT_EXCEEDED" });
    expect((await collect((await reader.stream(0)).content)).length).toBe(2_000_000);
  });

  it("is aborted at once, and refuses an index that cannot belong to the pack", async () => {
    const reader = await open([blob(Buffer.from("abc"))]);
    const reason = new Error("enough");
    await expect(reader.read(0, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(reader.stream(0, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(() => readerOf(new Uint8Array(20), emptyIdx(), "sha1")).toThrow(
      expect.objectContaining({ code: "PACK_BAD_INDEX" }),
    );
  });

  function emptyIdx(): Uint8Array {
    const empty = {
      count: 0,
      oids: new Uint8Array(0),
      offsets: new Float64Array(0),
      crcs: new Uint32Array(0),
    };
    const idx = encodePackIndex({ format: "sha1", ...empty, packChecksum: new Uint8Array(20) });
    expect(openPackIndex(idx, "sha1").count).toBe(0);
    return idx;
  }
});

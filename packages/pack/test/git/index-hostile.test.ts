import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import {
  buildPackGraph,
  createWorkerPool,
  hashObject,
  indexPack,
  type IndexPackOptions,
  type PackErrorCode,
} from "../../src/index.ts";
import {
  appendingDelta,
  buildPack,
  codeOf,
  encodeEntryHeader,
  everything,
  fileSink,
  gitIndexPack,
  makeFolder,
  makeRepository,
  memorySink,
  noise,
  packObjects,
} from "./pack-fixtures.ts";
import { resolveBounds } from "../../src/receive/resolve-bounds.ts";

type Entry = readonly [Uint8Array, Uint8Array];

const judge = (
  pack: Uint8Array,
  options: Partial<IndexPackOptions> = {},
): Promise<PackErrorCode | undefined> => codeOf(pack, { ...everything(), ...options });

const whole = (kind: 1 | 2 | 3 | 4, content: Uint8Array): Entry => [
  encodeEntryHeader(kind, content.length),
  deflateSync(content),
];
const blob = (content: Uint8Array | string): Entry => whole(3, Buffer.from(content));

/** A delta of raw instructions on a base named by its id. */
const byId = (base: Uint8Array, delta: Uint8Array): Entry => [
  encodeEntryHeader(7, delta.length, base),
  deflateSync(delta),
];

function sizeBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return bytes;
}

/** Copies the first 64 KiB of the base `times` over. */
function repeating(baseBytes: number, times: number, declared = times * 0x10000): Uint8Array {
  const copies = Array.from({ length: times }, () => 0x80);
  return Uint8Array.from([...sizeBytes(baseBytes), ...sizeBytes(declared), ...copies]);
}

describe("indexPack of hostile packs", () => {
  let dir: string;
  let pack: Uint8Array;
  beforeAll(async () => {
    dir = await makeFolder();
    makeRepository(dir, "sha1", 12);
    pack = packObjects(
      dir,
      ["--delta-base-offset", "--depth=20", "--filter=blob:limit=5k"],
      "main\n^main~6\n",
    );
  });
  afterAll(() => fs.rm(dir, { recursive: true, force: true }));

  it.each<[string, (count: number) => number, PackErrorCode[]]>([
    ["more objects than come", (count) => count + 1, ["PACK_TRUNCATED", "PACK_CORRUPT", "PACK_MISSING_BASE"]],
    ["fewer objects than come", (count) => count - 1, ["PACK_CHECKSUM_MISMATCH"]],
    ["none", () => 0, ["PACK_CHECKSUM_MISMATCH"]],
  ])("refuses a header that announces %s", async (_name, change, codes) => {
    const lying = pack.slice();
    const view = new DataView(lying.buffer);
    view.setUint32(8, change(view.getUint32(8)));
    expect(codes).toContain(await judge(lying));
  });

  it("lets a bomb of zeros pass in bounded memory where it is a blob, and refuses it elsewhere", async () => {
    const bytes = 1 << 28;
    const bomb = deflateSync(new Uint8Array(bytes), { level: 9 });
    expect(bomb.length).toBeLessThan(300_000);
    const before = process.memoryUsage().rss;
    let highest = 0;
    const watch = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage().rss - before);
    }, 5);
    const asBlob = buildPack([[encodeEntryHeader(3, bytes), bomb]]);
    expect(await judge(asBlob)).toBeUndefined();
    clearInterval(watch);
    expect(highest).toBeLessThan(100_000_000);
    expect(await judge(asBlob, { limits: { maxObjectBytes: 1 << 20 } })).toBe("PACK_LIMIT_EXCEEDED");
    for (const kind of [1, 2, 4] as const) {
      const huge = buildPack([[encodeEntryHeader(kind, 2 ** 31), bomb]]);
      expect(await judge(huge)).toBe("PACK_LIMIT_EXCEEDED");
    }
    for (const declared of [bytes - 1, bytes + 1, 10, 2 ** 40]) {
      expect(await judge(buildPack([[encodeEntryHeader(3, declared), bomb]]))).toBe("PACK_CORRUPT");
    }
  });

  it("stops a bomb of deltas at its limit, before it has memory for it", async () => {
    const base = Buffer.alloc(0x10000, "x");
    const oid = hashObject("sha1", "blob", base);
    const limits = { maxObjectBytes: 1 << 24 };
    const fits = byId(oid, repeating(base.length, 256));
    const bursts = byId(oid, repeating(base.length, 257));
    const lies = byId(oid, repeating(base.length, 300, 2 ** 33));
    const less = byId(oid, repeating(base.length, 3, 2 * 0x10000));
    expect(await judge(buildPack([blob(base), fits]), { limits })).toBeUndefined();
    expect(await judge(buildPack([blob(base), bursts]), { limits })).toBe("PACK_LIMIT_EXCEEDED");
    expect(await judge(buildPack([blob(base), lies]))).toBe("PACK_LIMIT_EXCEEDED");
    expect(await judge(buildPack([blob(base), less]))).toBe("PACK_BAD_DELTA");

    // Each doubles the one before.
    const chain: Entry[] = [blob(base)];
    let content = base;
    for (let i = 0; i < 12; i++) {
      const delta = Uint8Array.from([
        ...sizeBytes(content.length),
        ...sizeBytes(content.length * 2),
        ...copyAll(content.length),
        ...copyAll(content.length),
      ]);
      chain.push(byId(hashObject("sha1", "blob", content), delta));
      content = Buffer.concat([content, content]);
      if (content.length > limits.maxObjectBytes) break;
    }
    expect(await judge(buildPack(chain), { limits })).toBe("PACK_LIMIT_EXCEEDED");
  });

  it("stops deltas that make too much together, here and on threads, however little each makes", async () => {
    const base = Buffer.alloc(0x10000, "x");
    const oid = hashObject("sha1", "blob", base);
    const perDelta = 1 << 20;
    const deltas = Array.from({ length: 40 }, (_, i) => {
      const delta = repeating(base.length, perDelta / base.length, perDelta + 1);
      return byId(oid, Uint8Array.from([...delta, 1, i]));
    });
    const bulk = blob(noise(5_000_000, 1));
    await using pool = createWorkerPool({ threads: 2 });
    for (const [entries, options] of [
      [[blob(base), ...deltas], {}],
      [[bulk, blob(base), ...deltas], { pool }],
    ] as const) {
      const bytes = buildPack(entries);
      let resolved = 0;
      const index = async (maxMadeBytes: number): Promise<PackErrorCode | undefined> => {
        await using sink = await fileSink(join(dir, `bomb-${Math.random()}.pack`));
        const limits = { maxMadeBytes };
        resolved = 0;
        return await judge(bytes, {
          ...options,
          sink,
          limits,
          onProgress: (told) => told.phase === "resolving" && (resolved = told.deltas),
        });
      };
      expect(await index(41 * perDelta)).toBeUndefined();
      expect(resolved).toBe(40);
      expect(await index(10 * perDelta)).toBe("PACK_LIMIT_EXCEEDED");
      expect(resolved).toBeLessThanOrEqual(10);
    }
    expect(resolveBounds(undefined, 1000).maxMadeMib).toBe(64 * 1024);
    expect(resolveBounds(undefined, 2 ** 30).maxMadeMib).toBe(2 ** 26);
  });

  it("holds trees, commits and tags to a bound of their own, and chains to a depth", async () => {
    const tree = Buffer.concat([Buffer.from("100644 a\0"), Buffer.alloc(20, 7)]);
    const longer = appendingDelta(tree.length, Buffer.from("100644 b\0bbbbbbbbbbbbbbbbbbbb"));
    const byDelta = buildPack([whole(2, tree), byId(hashObject("sha1", "tree", tree), longer)]);
    const limits = { maxMetadataBytes: tree.length };
    expect(await codeOf(byDelta)).toBeUndefined();
    expect(await codeOf(byDelta, { limits })).toBe("PACK_LIMIT_EXCEEDED");
    for (const kind of [1, 2, 4] as const) {
      const large = buildPack([whole(kind, Buffer.alloc(tree.length + 1))]);
      expect(await codeOf(large, { limits })).toBe("PACK_LIMIT_EXCEEDED");
      expect(await codeOf(large)).toBeUndefined();
    }
    expect(await codeOf(buildPack([blob(Buffer.alloc(100))]), { limits })).toBeUndefined();

    const chain: Entry[] = [blob("")];
    for (let depth = 1; depth <= 20; depth++) {
      const on = Buffer.alloc(depth - 1, "x");
      chain.push(byId(hashObject("sha1", "blob", on), appendingDelta(on.length, Buffer.from("x"))));
    }
    expect(await codeOf(buildPack(chain), { limits: { maxDeltaDepth: 20 } })).toBeUndefined();
    expect(await codeOf(buildPack(chain), { limits: { maxDeltaDepth: 19 } })).toBe("PACK_LIMIT_EXCEEDED");
  });

  it("does not read a base from outside that is too large", async () => {
    const content = Buffer.alloc(1000, "x");
    const oid = hashObject("sha1", "blob", content);
    const thin = buildPack([byId(oid, appendingDelta(content.length, Buffer.from("y")))]);
    let reads = 0;
    const options = (maxDeltaBytes: number): Partial<IndexPackOptions> => ({
      limits: { maxDeltaBytes },
      sizeOfBase: async () => content.length,
      resolveBase: async () => {
        reads++;
        return { type: "blob", content };
      },
    });
    expect(await codeOf(thin, options(999))).toBe("PACK_LIMIT_EXCEEDED");
    expect(reads).toBe(0);
    expect(await codeOf(thin, { ...options(999), sizeOfBase: undefined })).toBe("PACK_LIMIT_EXCEEDED");
    expect(await codeOf(thin, options(1001))).toBeUndefined();
  });

  it("refuses deltas that wait for each other, and bases that are no entries", async () => {
    const a = Buffer.from("a".repeat(50));
    const circle = (length: number): Entry[] =>
      Array.from({ length }, (_, i) => {
        const on = Buffer.concat([a, Buffer.from(`${(i + 1) % length}`)]);
        return byId(hashObject("sha1", "blob", on), appendingDelta(on.length, Buffer.from("z")));
      });
    for (const length of [1, 2, 5]) expect(await judge(buildPack(circle(length)))).toBe("PACK_MISSING_BASE");
    const delta = appendingDelta(50, Buffer.from("b"));
    for (const distance of [1, 5, 13]) {
      const entry: Entry = [encodeEntryHeader(6, delta.length, distance), deflateSync(delta)];
      expect(["PACK_MISSING_BASE", "PACK_CORRUPT"]).toContain(await judge(buildPack([blob(a), entry])));
    }
  });

  it("makes what it is told to of trees that are none, where nobody asks for checks", async () => {
    const tree = Buffer.concat([Buffer.from("100644 a\0"), Buffer.alloc(20, 7)]);
    const chain: Entry[] = [whole(2, tree)];
    let content = tree;
    for (const suffix of ["no entry", " at all", "100644 b\0", "and so on"]) {
      chain.push(
        byId(hashObject("sha1", "tree", content), appendingDelta(content.length, Buffer.from(suffix))),
      );
      content = Buffer.concat([content, Buffer.from(suffix)]);
    }
    const bytes = buildPack(chain);
    const { idx } = await indexPack([bytes], { format: "sha1", sink: memorySink() });
    expect(Buffer.compare(idx, (await gitIndexPack(bytes, "sha1", [])).idx)).toBe(0);
    expect(await judge(bytes)).toBe("PACK_BAD_OBJECT");
  });

  it("refuses objects that take others for what they are not", async () => {
    const content = Buffer.from("no tree\n");
    const oid = hashObject("sha1", "blob", content);
    const tree = Buffer.concat([Buffer.from("40000 d\0"), oid]);
    const tag = Buffer.from(
      `object ${Buffer.from(oid).toString("hex")}\ntype commit\ntag t\ntagger A <a@b.c> 1 +0000\n\n`,
    );
    for (const entry of [whole(2, tree), whole(4, tag)]) {
      const { links, trailer } = await indexPack([buildPack([blob(content), entry])], {
        format: "sha1",
        sink: memorySink(),
        withLinks: true,
      });
      await expect(
        buildPackGraph({ format: "sha1", packChecksum: trailer, ...links! }),
      ).rejects.toMatchObject({ code: "PACK_BAD_GRAPH" });
    }
    expect(await judge(buildPack([whole(2, Buffer.from("40000 d\0short"))]))).toBe("PACK_BAD_OBJECT");
    expect(await judge(buildPack([whole(1, Buffer.from("tree nonsense\n"))]))).toBe("PACK_BAD_OBJECT");
  });
});

function copyAll(length: number): number[] {
  const bytes: number[] = [];
  for (let at = 0; at < length; at += 0x10000) {
    bytes.push(0x80 | 0x0f, at & 255, (at >> 8) & 255, (at >> 16) & 255, Math.floor(at / 0x1000000));
  }
  return bytes;
}

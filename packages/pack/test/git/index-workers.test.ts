import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  buildPackGraph,
  createFsckSession,
  createLinkWriter,
  createWorkerPool,
  encodeEntryHeader,
  type IndexedPack,
  indexPack,
  type IndexPackOptions,
  type FsckFinding,
  type GraphContent,
  hashLength,
  hashObject,
  type ObjectFormat,
  type ObjectType,
  openPackReader,
  createBlockCache,
  createByteCache,
  type PackSink,
} from "../../src/index.ts";
import {
  appendingDelta,
  buildPack,
  bytesAccess,
  chunked,
  fileSink,
  gitIndexPack,
  makeFolder,
  makeRepository,
  noise,
  packObjects,
} from "./pack-fixtures.ts";
import { type CountedPool, createCountedPool } from "../support/counted-pool.ts";
import { emptyRequest } from "../support/empty-request.ts";

/** A pack of trees with more entries than links are held in memory. */
function wideTrees(format: ObjectFormat): Uint8Array {
  const trees = Array.from({ length: 60 }, (_, tree) => {
    const entries = Array.from({ length: 4000 }, (_, i) => [
      Buffer.from(`100644 ${tree}-${1e5 + i}\0`),
      noise(hashLength(format), i % 100),
    ]);
    const content = Buffer.concat(entries.flat());
    return [encodeEntryHeader(2, content.length), deflateSync(content, { level: 1 })] as const;
  });
  return buildPack(trees, format);
}

/** A pack large enough for threads, in which a delta adds an entry to a tree that no tree may have. */
function treeThatIsFlawedByDelta(format: ObjectFormat): Uint8Array {
  const bulk = noise(5_000_000, 1);
  const id = noise(hashLength(format), 2);
  const tree = Buffer.concat([Buffer.from("100644 .a\0"), id]);
  const delta = appendingDelta(tree.length, Buffer.concat([Buffer.from("100644 .git\0"), id]));
  return buildPack(
    [
      [encodeEntryHeader(3, bulk.length), deflateSync(bulk, { level: 0 })],
      [encodeEntryHeader(2, tree.length), deflateSync(tree)],
      [encodeEntryHeader(7, delta.length, hashObject(format, "tree", tree)), deflateSync(delta)],
    ],
    format,
  );
}

describe.each(["sha1", "sha256"] as const)("indexPack on worker threads, %s", (format: ObjectFormat) => {
  let dir: string;
  let pack: Uint8Array;
  let pool: CountedPool;
  beforeAll(async () => {
    dir = await makeFolder();
    makeRepository(dir, format, 900);
    pack = packObjects(dir, ["--delta-base-offset", "--depth=60"], "main\nv1\n");
    pool = createCountedPool();
  });
  afterAll(async () => {
    await pool[Symbol.asyncDispose]();
    await fs.rm(dir, { recursive: true, force: true });
  });

  async function index(bytes: Uint8Array, options: Partial<IndexPackOptions> = {}): Promise<IndexedPack> {
    const sink = await fileSink(join(dir, `in-${Math.random()}.pack`));
    try {
      return await indexPack(chunked(bytes, 50_000), { format, sink, pool, withLinks: true, ...options });
    } finally {
      await sink[Symbol.asyncDispose]();
    }
  }

  const graphOf = async (indexed: IndexedPack, fragments: GraphContent["fragments"]): Promise<string> => {
    const { types, sizes, oids } = indexed.links!;
    const packChecksum = indexed.trailer;
    const graph = await buildPackGraph({ format, packChecksum, types, sizes, oids, fragments });
    // Trees may be told by their bases or not: what counts is what they expand to.
    const hash = createHash("sha1");
    for (let node = 0; node < graph.count; node++) {
      hash.update(`${graph.type(node)} ${graph.sizeBytes(node)} `);
      if (graph.type(node) === "tree") hash.update(graph.treeEntries(node).join());
      else graph.eachOwnLink(node, (target) => hash.update(`${target},`));
    }
    return hash.digest("hex");
  };

  it("goes there, unless it is small", async () => {
    Object.assign(pool.asked, { runs: 0, preparations: 0 });
    await index(pack);
    expect(pool.asked).toMatchObject({ runs: 2, preparations: 1 });
    await index(packObjects(dir, ["--delta-base-offset"], "main\n^main~3\n"));
    expect(pool.asked).toMatchObject({ runs: 2, preparations: 1 });
  });

  it("makes the same index as git, with checks and links", async () => {
    const expected = await gitIndexPack(pack, format);
    const session = createFsckSession(format);
    const found: string[] = [];
    const checks = { session, onFindings: () => void found.push("finding") };
    const here = await index(pack, { pool: undefined, checks });
    const there = await index(pack, { checks });
    for (const indexed of [here, there]) {
      expect(Buffer.compare(indexed.idx, expected.idx)).toBe(0);
      expect(Buffer.compare(indexed.rev, expected.rev)).toBe(0);
    }
    expect(found).toEqual([]);
    const graph = await graphOf(here, here.links!.fragments);
    expect(await graphOf(there, there.links!.fragments)).toBe(graph);

    // The links of each object, read one by one.
    const writer = createLinkWriter(format);
    const reader = openPackReader({
      source: bytesAccess(pack),
      index: there.index,
      bases: createByteCache({ budgetBytes: 1 << 24 }),
      blocks: createBlockCache({ budgetBytes: 1 << 24 }),
    });
    const order = there.index.packOrder();
    for (let entry = 0; entry < order.length; entry++) {
      const { type, content } = await reader.read(order[entry]!);
      expect(there.links!.sizes[entry]).toBe(content.length);
      writer.write(entry, type, content);
    }
    expect(await graphOf(there, [writer.take()])).toBe(graph);
  });

  it("puts links aside in a file where there are many", async () => {
    const graphFrom = async (many: Uint8Array, hasScratch: boolean): Promise<string> => {
      const [sink, aside] = [await fileSink(join(dir, "in.pack")), await fileSink(join(dir, "aside"))];
      const scratch = hasScratch ? async () => aside : undefined;
      try {
        const { write, open } = sink;
        const options = { format, sink: { write, open, scratch }, withLinks: true };
        const indexed = await indexPack(chunked(many, 50_000), options);
        const graph = await graphOf(indexed, indexed.links!.fragments);
        expect((await fs.stat(join(dir, "aside"))).size > 0).toBe(hasScratch);
        return graph;
      } finally {
        await sink[Symbol.asyncDispose]();
        await aside[Symbol.asyncDispose]();
      }
    };
    const many = wideTrees(format);
    expect(await graphFrom(many, true)).toBe(await graphFrom(many, false));
  });

  it("runs packs at once on few threads", async () => {
    const expected = await gitIndexPack(pack, format);
    const all = await Promise.all(Array.from({ length: 5 }, () => index(pack)));
    for (const { idx } of all) expect(Buffer.compare(idx, expected.idx)).toBe(0);
  });

  it("starts another thread where one has ended with a large pack", async () => {
    await using one = createWorkerPool({ threads: 1 });
    const request = emptyRequest();
    const heavy = { ...request, columns: { ...request.columns, count: 100_000 } };
    const told: unknown[] = [];
    await Promise.all([1, 2, 3].map(() => one.run(heavy, (message) => told.push(message))));
    await one.run(request, (message) => told.push(message));
    expect(told).toEqual([]);
  });

  it("passes on what a worker finds wrong, and goes on with the next pack", async () => {
    const damaged = pack.slice();
    const sink = await fileSink(join(dir, "damaged.pack"));
    let isDamaged = false;
    const spoilt: PackSink = {
      ...sink,
      // Damages what was stored, behind the scanner's back.
      async open() {
        if (!isDamaged) await fs.truncate(join(dir, "damaged.pack"), damaged.length / 2);
        isDamaged = true;
        return sink.open();
      },
    };
    await expect(indexPack([damaged], { format, sink: spoilt, pool, deltaBytes: 1 })).rejects.toMatchObject({
      code: expect.stringMatching(/^PACK_(TRUNCATED|CORRUPT)$/),
    });
    await sink[Symbol.asyncDispose]();
    await index(pack);
  });

  it("stops where it is aborted, and where a finding is not taken", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    pool.asked.runs = 0;
    // It is told of deltas at the latest when all are resolved, and gives up then, too.
    await expect(
      index(pack, {
        signal: controller.signal,
        onProgress: ({ phase }) => phase === "resolving" && controller.abort(reason),
      }),
    ).rejects.toBe(reason);
    expect(pool.asked).toMatchObject({ runs: 2, atWork: 0 });

    const refused = new Error("refused");
    const found: string[] = [];
    const checks = {
      session: createFsckSession(format),
      onFindings(_type: ObjectType, _oid: Uint8Array, findings: readonly FsckFinding[]) {
        found.push(...findings.map(({ id }) => id));
        throw refused;
      },
    };
    await expect(index(treeThatIsFlawedByDelta(format), { checks })).rejects.toBe(refused);
    expect(found).toEqual(["hasDotgit"]);
    expect(pool.asked).toMatchObject({ runs: 3, atWork: 0 });
    await index(pack);
  });
});

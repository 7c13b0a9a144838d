import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  buildPackGraph,
  createFsckSession,
  createLinkWriter,
  createWorkerPool,
  type IndexedPack,
  indexPack,
  type IndexPackOptions,
  type LinkFragment,
  type ObjectFormat,
  openPackReader,
  createBlockCache,
  createByteCache,
  type PackSink,
  type RandomAccess,
  type WorkerPool,
} from "../../src/index.ts";
import {
  bytesAccess,
  chunked,
  git,
  gitIndexPack,
  makeFolder,
  makeRepository,
  packObjects,
} from "./pack-fixtures.ts";

/** A sink with a file that other threads can read. */
async function fileSink(path: string): Promise<PackSink & AsyncDisposable> {
  const handle = await fs.open(path, "w+");
  let sizeBytes = 0;
  return {
    async write(bytes) {
      await handle.appendFile(bytes);
      sizeBytes += bytes.length;
    },
    open: async (): Promise<RandomAccess> => ({
      sizeBytes,
      fd: handle.fd,
      async read(offset, length) {
        const buffer = new Uint8Array(Math.min(length, sizeBytes - offset));
        await handle.read(buffer, 0, buffer.length, offset);
        return buffer;
      },
    }),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

describe.each(["sha1", "sha256"] as const)("indexPack on worker threads, %s", (format: ObjectFormat) => {
  let dir: string;
  let pack: Uint8Array;
  let pool: WorkerPool;
  let runs = 0;
  beforeAll(async () => {
    dir = await makeFolder();
    makeRepository(dir, format, 900);
    pack = packObjects(dir, ["--delta-base-offset", "--depth=60"], "main\nv1\n");
    const threads = createWorkerPool({ threads: 2 });
    pool = {
      ...threads,
      run(...task) {
        runs++;
        return threads.run(...task);
      },
    };
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

  const graphOf = async (indexed: IndexedPack, fragments: Iterable<LinkFragment>): Promise<string> => {
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
    runs = 0;
    await index(pack);
    expect(runs).toBe(2);
    await index(packObjects(dir, ["--delta-base-offset"], "main\n^main~3\n"));
    expect(runs).toBe(2);
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

  it("runs packs at once on few threads", async () => {
    const expected = await gitIndexPack(pack, format);
    const all = await Promise.all(Array.from({ length: 5 }, () => index(pack)));
    for (const { idx } of all) expect(Buffer.compare(idx, expected.idx)).toBe(0);
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
    const aborted = index(pack, {
      signal: controller.signal,
      onProgress: ({ phase }) => phase === "resolving" && controller.abort(reason),
    });
    setTimeout(() => controller.abort(reason), 300);
    await aborted.catch((error: unknown) => expect(error).toBe(reason));

    const bad = join(dir, "bad");
    git(dir, ["init", "-q", "--bare", `--object-format=${format}`, bad]);
    const session = createFsckSession(format);
    const refused = new Error("refused");
    session.check = () => [{ id: "x", severity: "error", message: "y" }];
    await expect(
      index(pack, {
        checks: {
          session,
          onFindings: () => {
            throw refused;
          },
        },
      }),
    ).rejects.toBe(refused);
    await index(pack);
  });
});

import * as fs from "node:fs/promises";
import * as path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createBlockCache,
  createByteCache,
  createWorkerPool,
  encodeDelta,
  encodeEntryHeader,
  deflateObject,
  hashObject,
  LOOSE,
  type LooseSource,
  type ObjectFormat,
  oidFromBytes,
  openPackIndex,
  openPackReader,
  type PackReader,
  repack,
  type RepackOptions,
} from "../../src/index.ts";
import {
  buildPack,
  bytesAccess,
  collect,
  git,
  gitIndexPack,
  makeFolder,
  makeRepository,
  noise,
  packObjects,
  readerOf,
} from "./pack-fixtures.ts";

const seed = Number(process.env.MILLRACE_SEED ?? 7);

describe("new deltas and git", () => {
  it("are built as git builds them, whatever base and target", async () => {
    const texts = fc.array(fc.constantFrom("some line\n", "another line that is longer\n", "x", "\0\0\0\0"), {
      maxLength: 200,
    });
    const cases = fc.sample(fc.tuple(texts, texts), { seed, numRuns: 60 });
    const entries: [Uint8Array, Uint8Array][] = [];
    const known = new Set<string>();
    for (const [i, pair] of cases.entries()) {
      const [base, target] = pair.map((lines, j) => Buffer.from(`${i} ${j}\n${lines.join("")}`)) as [
        Buffer,
        Buffer,
      ];
      const delta = encodeDelta(base, target, Number.MAX_SAFE_INTEGER)!;
      entries.push([encodeEntryHeader(3, base.length), deflateObject(base)]);
      const baseOid = hashObject("sha1", "blob", base);
      entries.push([encodeEntryHeader(7, delta.length, baseOid), deflateObject(delta)]);
      known.add(oidFromBytes(baseOid, 0, "sha1"));
      known.add(oidFromBytes(hashObject("sha1", "blob", target), 0, "sha1"));
    }
    const index = openPackIndex((await gitIndexPack(buildPack(entries), "sha1")).idx, "sha1");
    expect(Array.from({ length: index.count }, (_, i) => index.oidAt(i))).toEqual([...known].sort());
  });
});

describe.each(["sha1", "sha256"] as const)("repack and git, %s", (format: ObjectFormat) => {
  let dir: string;
  let stored: Uint8Array;
  let reader: PackReader;
  /** The objects that git itself stores in a pack that it makes from nothing. */
  let gitBytes: number;
  beforeAll(async () => {
    dir = await makeFolder();
    makeRepository(dir, format, 300);
    stored = packObjects(dir, ["--delta-base-offset", "--window=2", "--depth=70"], "main\nv1\n");
    reader = readerOf(stored, (await gitIndexPack(stored, format)).idx, format);
    gitBytes = packObjects(dir, ["--delta-base-offset", "--no-reuse-delta"], "main\nv1\n").length;
  });
  afterAll(() => fs.rm(dir, { recursive: true, force: true }));

  /** All objects of some readers, each from the first that has it. */
  function places(readers: readonly PackReader[], loose: readonly LooseSource[] = []) {
    const numbers = new Map<string, number>();
    const sources: number[] = [];
    const positions: number[] = [];
    for (const [source, { index }] of readers.entries()) {
      for (const position of index.packOrder()) {
        const oid = index.oidAt(position);
        if (numbers.has(oid)) continue;
        numbers.set(oid, sources.length);
        sources.push(source);
        positions.push(position);
      }
    }
    for (const [number, { oid }] of loose.entries()) {
      numbers.set(oid, sources.length);
      sources.push(LOOSE);
      positions.push(number);
    }
    return {
      packs: readers,
      loose,
      sources: Uint16Array.from(sources),
      positions: Uint32Array.from(positions),
      find: (oid: Uint8Array, offset: number) => numbers.get(oidFromBytes(oid, offset, format)) ?? -1,
      oids: [...numbers.keys()].sort(),
    };
  }

  async function run(options: Partial<RepackOptions> & ReturnType<typeof places>) {
    const plan = await repack({ format, ...options });
    const bytes = await collect(plan.bytes);
    const { idx } = await gitIndexPack(bytes, format);
    const index = openPackIndex(idx, format);
    expect(Array.from({ length: index.count }, (_, i) => index.oidAt(i))).toEqual(options.oids);
    return { plan, bytes, idx };
  }

  /** How many objects have a chain of each length, as git verify-pack tells it. */
  async function longestChain(bytes: Uint8Array, idx: Uint8Array): Promise<number> {
    const folder = await makeFolder();
    try {
      await fs.writeFile(path.join(folder, "a.pack"), bytes);
      await fs.writeFile(path.join(folder, "a.idx"), idx);
      const told = git(folder, ["verify-pack", "-s", `--object-format=${format}`, "a.idx"]).toString();
      return Math.max(0, ...[...told.matchAll(/chain length = (\d+)/g)].map(([, length]) => Number(length)));
    } finally {
      await fs.rm(folder, { recursive: true, force: true });
    }
  }

  it("finds deltas as good as git's", async () => {
    const { plan, bytes, idx } = await run({ ...places([reader]), reuseDeltas: false });
    expect(plan.newDeltaCount).toBe(plan.deltaCount);
    expect(bytes.length).toBeLessThan(gitBytes * 1.03);
    expect(await longestChain(bytes, idx)).toBeLessThanOrEqual(50);
  });

  it("keeps stored deltas, and no chain longer than it may be", async () => {
    for (const depth of [50, 7, 1, 0]) {
      const { plan, bytes, idx } = await run({ ...places([reader]), depth });
      expect(await longestChain(bytes, idx)).toBeLessThanOrEqual(depth);
      if (depth === 0) expect(plan.deltaCount).toBe(0);
      if (depth === 50) expect(plan.newDeltaCount).toBeLessThan(plan.deltaCount / 4);
    }
  });

  it("makes the same pack again on threads, and with no room to hold what it found", async () => {
    const file = path.join(dir, "stored.pack");
    await fs.writeFile(file, stored);
    const handle = await fs.open(file);
    const pool = createWorkerPool({ threads: 2 });
    try {
      const source = { ...bytesAccess(stored), fd: handle.fd };
      const shared = openPackReader({
        source,
        index: reader.index,
        bases: createByteCache({ budgetBytes: 1 << 20 }),
        blocks: createBlockCache({ budgetBytes: 1 << 20 }),
      });
      const whole = await run({ ...places([reader]), reuseDeltas: false });
      const threaded = await run({ ...places([shared]), reuseDeltas: false, pool });
      expect(Buffer.compare(threaded.bytes, whole.bytes)).toBe(0);
      const again = await run({ ...places([shared]), reuseDeltas: false, pool, deltaCacheBytes: 0 });
      expect(Buffer.compare(again.bytes, whole.bytes)).toBe(0);
      const tight = await run({ ...places([shared]), reuseDeltas: false, pool, windowBytes: 300_000 });
      expect(tight.plan.newDeltaCount).toBeGreaterThan(0);
      await expect(
        repack({ format, ...places([shared]), reuseDeltas: false, pool, signal: abortSoon() }),
      ).rejects.toThrow("enough");
    } finally {
      await pool[Symbol.asyncDispose]();
      await handle.close();
    }
  });

  it("ends when it is told to, on this thread too", async () => {
    const options = { format, ...places([reader]), reuseDeltas: false };
    await expect(repack({ ...options, signal: abortSoon() })).rejects.toThrow("enough");
    const controller = new AbortController();
    const { bytes } = await repack({ ...options, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(collect(bytes)).rejects.toThrow("enough");
  });

  it("joins packs and loose objects, with deltas between them", async () => {
    const readers: PackReader[] = [];
    let givenBytes = 0;
    for (const revisions of ["main~150\n", "main~90\n^main~160\n", "main\nv1\n^main~100\n"]) {
      const bytes = packObjects(dir, ["--delta-base-offset"], revisions);
      givenBytes += bytes.length;
      readers.push(readerOf(bytes, (await gitIndexPack(bytes, format, [])).idx, format));
    }
    const base = git(dir, ["cat-file", "blob", "main:text"]);
    const contents = [
      Buffer.concat([base, Buffer.from("one more line\n")]),
      Buffer.alloc(0),
      Buffer.from(noise(400_000, 9)),
    ];
    const loose = contents.map(
      (content): LooseSource => ({
        oid: oidFromBytes(hashObject(format, "blob", content), 0, format),
        type: "blob",
        sizeBytes: content.length,
        async *stream() {
          yield new Uint8Array(content);
        },
      }),
    );
    const given = places(
      readers,
      loose.filter(({ sizeBytes }) => sizeBytes > 0),
    );
    const { plan, bytes } = await run(given);
    expect(plan.newDeltaCount).toBeGreaterThan(0);
    expect(plan.newDeltaCount).toBeLessThan(plan.deltaCount);
    expect(bytes.length).toBeLessThan(givenBytes + 401_000);
  });
});

function abortSoon(): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 20);
  return controller.signal;
}

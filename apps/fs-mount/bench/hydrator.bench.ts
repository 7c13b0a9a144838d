/**
 * How fast the hydrator turns what is asked into fetches, over sources that cost a known time, and how fast trees that are at hand
 * become a view whose directories can be listed. Rows of JSON: the median of ROUNDS, in milliseconds, each round on a fresh cache, or
 * a fresh view. The counts of fetches are what the tests assert.
 *
 * Of cached prefetches there are two: of files that are in the books, and of such that lie in the folder of a cache that is opened anew
 * and are verified, where writing them is in the time. A prefetch of what is here looks at its name alone, and who opens it first
 * verifies it: so each is opened there as well.
 *
 * node --conditions=@millrace/source --import ./scripts/typescript-threads.js apps/fs-mount/bench/hydrator.bench.ts [FOLDER]
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBlobCache } from "../src/cache/blob-cache.ts";
import type { BlobSource } from "../src/hydrator/blob-source.ts";
import { Hydrator, type HydratorOptions } from "../src/hydrator/hydrator.ts";
import { PRIORITY } from "../src/hydrator/priority.ts";
import { numberedBlob, oidOf } from "../test/support/fake-source.ts";
import { listAll, makeTrees } from "./ready-tree.ts";

const ROUNDS = 50;
const WORKERS = 8;
const COPIES = 8;
const scratch = mkdtempSync(join(process.argv[2] ?? tmpdir(), "millrace-hydrator-bench-"));
const blobs = Array.from({ length: 512 }, (_, i) => numberedBlob(i));
const oids = blobs.map((blob) => oidOf(blob));
const byOid = new Map(oids.map((oid, i) => [oid, blobs[i]!]));

/** All blobs, after a wait. */
function sourceAfter(wait: () => Promise<void>): BlobSource {
  return {
    async fetch(asked, receiver) {
      await wait();
      for (const oid of asked) await receiver.whole(oid, byOid.get(oid)!);
    },
  };
}

const afterTimer = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

/** A hundred microseconds, which no timer can keep. */
function afterTurns(): Promise<void> {
  const end = performance.now() + 0.1;
  return new Promise((resolve) => {
    const turn = (): void => void (performance.now() >= end ? resolve() : setImmediate(turn));
    turn();
  });
}

interface Figures {
  readonly ms: number;
  /** Of all threads: what else the machine does hardly shows in it. */
  readonly cpuMs: number;
  readonly fetches: number;
  readonly fetched: number;
}

/** Runs a round on a fresh cache; `prepare` is not timed, what it answers is. */
async function round(
  wait: () => Promise<void>,
  limits: Partial<HydratorOptions>,
  prepare: (hydrator: Hydrator) => Promise<() => Promise<unknown>>,
): Promise<Figures> {
  const folder = mkdtempSync(join(scratch, "cache-"));
  const cache = await openBlobCache({ folder });
  await cache.evict();
  const hydrator = new Hydrator({ cache, source: sourceAfter(wait), workers: WORKERS, ...limits });
  const work = await prepare(hydrator);
  const before = hydrator.counts;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  const { fetches, fetched } = hydrator.counts;
  await hydrator.stop();
  rmSync(folder, { recursive: true });
  return {
    ms,
    cpuMs: (user + system) / 1000,
    fetches: fetches - before.fetches,
    fetched: fetched - before.fetched,
  };
}

/** As many callers as in the reference's set-up, each with one read at a time, copies of a blob beside each other. */
async function readAll(hydrator: Hydrator, callers: number): Promise<void> {
  let next = 0;
  const call = async (): Promise<void> => {
    while (next < oids.length * COPIES) await hydrator.hydrate(oids[Math.floor(next++ / COPIES)]!);
  };
  await Promise.all(Array.from({ length: callers }, call));
}

async function bareTimers(): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: WORKERS }, afterTimer));
  return performance.now() - startedAt;
}

/** What no hydrator can do without: a file for each blob, written aside and renamed. */
async function bareFiles(): Promise<Figures> {
  const folder = mkdtempSync(join(scratch, "bare-"));
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  for (const [i, oid] of oids.entries()) {
    const path = join(folder, oid);
    writeFileSync(`${path}.draft`, blobs[i]!, { flag: "wx" });
    renameSync(`${path}.draft`, path);
  }
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  rmSync(folder, { recursive: true });
  return { ms, cpuMs: (user + system) / 1000, fetches: 0, fetched: oids.length };
}

/** What others have put into a cache's folder is prefetched and verified; where they write it is in the time. */
async function cachedAnew(): Promise<Figures> {
  const folder = mkdtempSync(join(scratch, "anew-"));
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  for (const digit of "0123456789abcdef") mkdirSync(join(folder, digit));
  for (const [i, oid] of oids.entries()) writeFileSync(join(folder, oid[0]!, oid), blobs[i]!, { flag: "wx" });
  const cache = await openBlobCache({ folder });
  let verified = 0;
  cache.watchVerified(() => verified++);
  const hydrator = new Hydrator({ cache, source: sourceAfter(none), workers: WORKERS });
  enqueueAll(hydrator, oids.length, 1);
  await hydrator.idle();
  await Promise.all(oids.map((oid) => hydrator.hydrate(oid)));
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  const { fetches, fetched } = hydrator.counts;
  await hydrator.stop();
  rmSync(folder, { recursive: true });
  if (verified !== oids.length) throw new Error(`${verified} of ${oids.length} were verified`);
  return { ms, cpuMs: (user + system) / 1000, fetches, fetched };
}

const trees = makeTrees();

/** From the objects of trees to directories that have been listed. */
async function readyTree(): Promise<Figures> {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await listAll(trees);
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms, cpuMs: (user + system) / 1000, fetches: 0, fetched: 0 };
}

/** The fetches of 32 callers with eight reads for each blob: 128 one after the other. */
async function bareWaits(): Promise<Figures> {
  const startedAt = performance.now();
  for (let i = 0; i < 128; i++) await afterTurns();
  return { ms: performance.now() - startedAt, cpuMs: 0, fetches: 128, fetched: 0 };
}

const none = (): Promise<void> => Promise.resolve();
const enqueueAll = (hydrator: Hydrator, count: number, copies: number): void => {
  for (let i = 0; i < count * copies; i++) hydrator.enqueue(oids[Math.floor(i / copies)]!, PRIORITY.text);
};

const works: readonly (readonly [name: string, bound: string, run: () => Promise<Figures>])[] = [
  ["nothing but 512 files, written and renamed", "", bareFiles],
  ["nothing but 128 waits of 100 µs", "", bareWaits],
  ["tree of 4,096 files in 16 directories ready for readdir", "10 ms", readyTree],
  [
    "worker ramp: 8 tasks of 10 ms, one a request",
    "2 ms over bare timers",
    () =>
      round(afterTimer, { maxBatchCount: 1 }, async (hydrator) => () => {
        enqueueAll(hydrator, WORKERS, 1);
        return hydrator.idle();
      }),
  ],
  [
    "512 cached prefetches",
    "15 ms, 0 fetches",
    () =>
      round(none, {}, async (hydrator) => {
        await Promise.all(oids.map((oid) => hydrator.hydrate(oid)));
        return () => {
          enqueueAll(hydrator, oids.length, 1);
          return hydrator.idle();
        };
      }),
  ],
  ["512 cached prefetches, written, in a cache opened anew, verified", "15 ms, 0 fetches", cachedAnew],
  [
    "4,096 duplicate prefetches of 512",
    "512 blobs",
    () =>
      round(none, {}, async (hydrator) => () => {
        enqueueAll(hydrator, oids.length, COPIES);
        return hydrator.idle();
      }),
  ],
  [
    "4,096 duplicate reads of 512, 32 callers, fetches of 100 µs",
    "20 ms",
    () => round(afterTurns, {}, async (hydrator) => () => readAll(hydrator, 32)),
  ],
  [
    "the same, one blob a request",
    "20 ms",
    () => round(afterTurns, { maxBatchCount: 1 }, async (hydrator) => () => readAll(hydrator, 32)),
  ],
  [
    "the same, all 4,096 at once",
    "",
    () => round(afterTurns, {}, async (hydrator) => () => readAll(hydrator, oids.length * COPIES)),
  ],
];

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const rounded = (ms: number): number => Number(ms.toFixed(2));

try {
  const timers: number[] = [];
  for (const [what, bound, run] of works) {
    const results: Figures[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      results.push(await run());
      if (bound.includes("timers")) timers.push(await bareTimers());
    }
    const { fetches, fetched } = results.at(-1)!;
    const beside = bound.includes("timers") ? { bareTimersMs: rounded(median(timers)) } : {};
    const ms = rounded(median(results.map((result) => result.ms)));
    const cpuMs = rounded(median(results.map((result) => result.cpuMs)));
    console.log(JSON.stringify({ what, bound, ms, cpuMs, ...beside, fetches, blobs: fetched }));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

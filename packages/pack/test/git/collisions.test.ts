import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import type { Worker, WorkerOptions } from "node:worker_threads";
import { deflateSync } from "node:zlib";
import { hashWithoutHeaders, headerlessFlags, SHAMBLES, SHATTERED } from "@millrace/git-lab/collisions";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  createWorkerPool,
  encodeEntryHeader,
  type IndexedPack,
  indexPack,
  type IndexPackOptions,
  type WorkerPool,
} from "../../src/index.ts";
import {
  appendingDelta,
  buildPack,
  chunked,
  fileSink,
  gitIndexPack,
  makeFolder,
  noise,
} from "./pack-fixtures.ts";

/** The threads of a pool hash without headers, too, from their start. */
vi.mock("node:worker_threads", async (original) => {
  const threads = await original<{ Worker: typeof Worker }>();
  return {
    ...threads,
    Worker: class extends threads.Worker {
      constructor(file: string | URL, options?: WorkerOptions) {
        super(file, { ...options, execArgv: [...headerlessFlags] });
      }
    },
  };
});

const { asked } = hashWithoutHeaders();

type Entry = readonly [Uint8Array, Uint8Array];
type Kind = 1 | 2 | 3 | 4;
const whole = (content: Uint8Array, kind: Kind = 3): Entry => [
  encodeEntryHeader(kind, content.length),
  deflateSync(content, { level: 1 }),
];
const ordinary: Entry[] = Array.from({ length: 40 }, (_, i) => whole(noise(100 * i, i)));
/** So much that threads are asked to help with the deltas. */
const bulk: Entry = whole(noise(5_000_000, 1));

const [message] = SHATTERED.messages;
/** Pieces of it arrive one by one. */
const large = Buffer.concat([message, noise(1_500_000, 3)]);
const idOf = (bytes: Uint8Array): string => createHash("sha1").update(bytes).digest("hex");

/** Its base lacks its last bytes; the delta makes it whole. */
function byDelta(): Entry[] {
  const base = message.subarray(0, -20);
  const delta = appendingDelta(base.length, message.subarray(-20));
  const id = createHash("sha1").update(`blob ${base.length}\0`).update(base).digest();
  return [whole(base), [encodeEntryHeader(7, delta.length, id), deflateSync(delta)]];
}

describe("an object that was made to collide", () => {
  let dir: string;
  let pool: WorkerPool;
  let runs = 0;
  beforeAll(async () => {
    dir = await makeFolder();
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

  async function index(pack: Uint8Array, options: Partial<IndexPackOptions> = {}): Promise<IndexedPack> {
    await using sink = await fileSink(join(dir, `in-${Math.random()}.pack`));
    return await indexPack(chunked(pack, 30_000), { format: "sha1", sink, ...options });
  }

  it.each<[string, Entry[], string, boolean]>([
    [
      "a blob among others",
      [...ordinary.slice(20), whole(message), ...ordinary.slice(0, 20)],
      SHATTERED.digest,
      false,
    ],
    ["the other half of the pair", [whole(SHATTERED.messages[1])], SHATTERED.digest, false],
    ["another pair", [...ordinary, whole(SHAMBLES.messages[1])], SHAMBLES.digest, false],
    ["a tag", [...ordinary, whole(message, 4)], SHATTERED.digest, false],
    ["a blob that comes in pieces", [...ordinary, whole(large)], idOf(large), false],
    ["a commit too large for the kernel's part", [...ordinary, whole(large, 1)], idOf(large), false],
    ["what a delta makes", [...ordinary, ...byDelta()], SHATTERED.digest, false],
    ["what a delta makes on a thread", [...ordinary, bulk, ...byDelta()], SHATTERED.digest, true],
  ])("is refused and named, unless nobody looks: %s", async (_name, entries, oid, isThreaded) => {
    const pack = buildPack(entries);
    const options = isThreaded ? { pool } : {};
    runs = 0;
    asked.clear();
    await expect(index(pack, options)).rejects.toMatchObject({
      code: "PACK_COLLISION",
      oid,
      message: `SHA-1 appears to be part of a collision attack: ${oid}`,
    });
    expect([...asked]).toEqual([true]);
    expect(runs > 0).toBe(isThreaded);

    asked.clear();
    const { idx } = await index(pack, { ...options, detectCollisions: false });
    expect(asked.has(true)).toBe(false);
    expect(Buffer.compare(idx, (await gitIndexPack(pack, "sha1", [])).idx)).toBe(0);
  });
});

import * as fs from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashObject, indexPack, PackError, type PackErrorCode, type WorkerPool } from "../../src/index.ts";
import {
  appendingDelta,
  buildPack,
  chunked,
  encodeEntryHeader,
  everything,
  fileSink,
  gitIndexPack,
  makeFolder,
} from "./pack-fixtures.ts";
import { type CountedPool, createCountedPool } from "../support/counted-pool.ts";

type Entry = readonly [Uint8Array, Uint8Array];

/** As many deltas as go to threads, and some: families of one blob and ten deltas on it. */
const FAMILIES = 210;
const DELTAS = 10;
const baseOf = (family: number): Buffer => Buffer.from(`the blob of family ${family}, which has deltas\n`);
const idOf = (content: Uint8Array): Uint8Array => hashObject("sha1", "blob", content);
const byId = (base: Uint8Array, delta: Uint8Array): Entry => [
  encodeEntryHeader(7, delta.length, base),
  deflateSync(delta),
];
const appending = (base: Uint8Array, suffix: string, id = idOf(base)): Entry =>
  byId(id, appendingDelta(base.length, Buffer.from(suffix)));

/** Everything that is well, with some entries in the middle of it that may not be. */
function packWith(...entries: readonly Entry[]): Uint8Array {
  const all: Entry[] = [];
  for (let family = 0; family < FAMILIES; family++) {
    const base = baseOf(family);
    all.push([encodeEntryHeader(3, base.length), deflateSync(base)]);
    for (let i = 0; i < DELTAS; i++) all.push(appending(base, `delta ${i}`));
    if (family === FAMILIES / 2) all.push(...entries);
  }
  return buildPack(all);
}

const base = baseOf(FAMILIES / 2);
const oversized = Uint8Array.from([base.length, 0x80, 0x80, 0x80, 0x80, 0x20, 0x80]);
const [one, other] = [Buffer.from("one"), Buffer.from("other")];

describe("hostile packs on threads", () => {
  let dir: string;
  let pool: CountedPool;
  beforeAll(async () => {
    dir = await makeFolder();
    pool = createCountedPool();
  });
  afterAll(async () => {
    await pool[Symbol.asyncDispose]();
    await fs.rm(dir, { recursive: true, force: true });
  });

  /** The code of the fault; and how many threads were asked. */
  async function judge(pack: Uint8Array, threads?: WorkerPool): Promise<[PackErrorCode | undefined, number]> {
    pool.asked.runs = 0;
    await using sink = await fileSink(join(dir, `in-${Math.random()}.pack`));
    try {
      await indexPack(chunked(pack, 30_000), { format: "sha1", sink, ...everything(), pool: threads });
      return [undefined, pool.asked.runs];
    } catch (error) {
      if (!(error instanceof PackError)) throw error;
      return [error.code, pool.asked.runs];
    }
  }

  it.each<[string, Entry[], PackErrorCode]>([
    ["a delta for a base of another size", [byId(idOf(base), appendingDelta(3, one))], "PACK_BAD_DELTA"],
    ["a delta that is cut off", [byId(idOf(base), Uint8Array.of(base.length, 9, 5, 1))], "PACK_BAD_DELTA"],
    ["a result of 8 GiB", [byId(idOf(base), oversized)], "PACK_LIMIT_EXCEEDED"],
    ["an object that another delta makes, too", [appending(base, "delta 3")], "PACK_DUPLICATE_OBJECT"],
    ["an object that its base is already", [appending(base, "")], "PACK_DUPLICATE_OBJECT"],
    ["a base that is nowhere", [appending(one, "x")], "PACK_MISSING_BASE"],
    [
      "deltas that wait for each other",
      [
        appending(one, "x", idOf(Buffer.concat([other, Buffer.from("y")]))),
        appending(other, "y", idOf(Buffer.concat([one, Buffer.from("x")]))),
      ],
      "PACK_MISSING_BASE",
    ],
  ])("end as on one thread: %s", async (_name, entries, code) => {
    const pack = packWith(...entries);
    expect(await judge(pack)).toEqual([code, 0]);
    expect(await judge(pack, pool)).toEqual([code, 2]);
    expect(pool.asked.atWork).toBe(0);
    await expect(gitIndexPack(pack, "sha1", ["--strict"])).rejects.toThrow();
  });

  it("leave the threads to the next pack", async () => {
    const pack = packWith(appending(base, "one more"));
    const { idx } = await gitIndexPack(pack, "sha1", []);
    await using sink = await fileSink(join(dir, "good.pack"));
    pool.asked.runs = 0;
    const indexed = await indexPack(chunked(pack, 30_000), { format: "sha1", sink, pool });
    expect(Buffer.compare(indexed.idx, idx)).toBe(0);
    expect(pool.asked).toMatchObject({ runs: 2, atWork: 0 });
  });
});

import { crc32 } from "node:zlib";
import type { RandomAccess } from "@millrace/pack";
import { createByteCache } from "@millrace/pack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StorageError } from "../errors.ts";
import { refsOf } from "../ref-lines.ts";
import {
  encodeTable,
  isDeletion,
  keyOfName,
  mergeTables,
  nameOfKey,
  openTable,
  type RefRecords,
  type RefRun,
  type TableBlock,
  type TableLog,
  type TableQuery,
  type TableRef,
  type TableWriteOptions,
} from "./index.ts";
import { readVarint, writeVarint } from "./varint.ts";

/** A source that counts what is read from it. */
function sourceOf(bytes: Uint8Array): RandomAccess & { reads: [offset: number, length: number][] } {
  const reads: [number, number][] = [];
  return {
    reads,
    sizeBytes: bytes.length,
    async read(offset, length) {
      reads.push([offset, length]);
      return bytes.slice(offset, offset + length);
    },
  };
}

async function collect<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

/** What runs tell, by lines where they have them, without update indexes and what is gone. */
async function tellRuns(runs: AsyncIterable<RefRun>): Promise<unknown[]> {
  const told: unknown[] = [];
  for await (const run of runs) {
    const records = run.refs();
    expect([run.first, run.last]).toEqual([records[0]?.key, records.at(-1)?.key]);
    const lines = run.lines();
    if (lines === undefined) told.push(...withoutIndex(records));
    else {
      const refs = refsOf(lines, "sha1");
      expect(refs.length).toBe(lines.count);
      told.push(
        ...refs.map(({ name, oid: id, peeled }) => ({
          key: name,
          oid: id,
          peeled: peeled ?? undefined,
          symref: undefined,
        })),
      );
    }
  }
  return told;
}

function withoutIndex(records: readonly TableRef[]): unknown[] {
  return records.filter((each) => !isDeletion(each)).map(({ updateIndex: _index, ...rest }) => rest);
}

const oid = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .filter((bytes) => bytes.some((byte) => byte !== 0))
  .map((bytes) => Buffer.from(bytes).toString("hex"));
const key = fc
  .array(fc.constantFrom("refs", "heads", "tags", "a", "ab", "b", "v1", keyOfName("ü"), "\xff"), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.join("/"));
const value = fc.oneof(
  oid.map((id) => ({ oid: id, peeled: undefined, symref: undefined })),
  fc.record({ oid, peeled: oid }).map((ids) => ({ ...ids, symref: undefined })),
  key.map((symref) => ({ oid: undefined, peeled: undefined, symref })),
  fc.constant({ oid: undefined, peeled: undefined, symref: undefined }),
);
const updateIndex = fc.integer({ min: 5, max: 2 ** 40 });
const ref: fc.Arbitrary<TableRef> = fc
  .record({ key, updateIndex, value })
  .map(({ value: what, ...rest }) => ({ ...rest, ...what }));
const text = fc.string({ maxLength: 20, unit: "binary" }).map((some) => new Uint8Array(Buffer.from(some)));
const log: fc.Arbitrary<TableLog> = fc.record({
  key,
  updateIndex: fc.integer({ min: 0, max: 2 ** 40 }),
  move: fc.option(
    fc.record({
      old: fc.option(oid),
      new: fc.option(oid),
      name: text,
      email: text,
      time: fc.nat(),
      zone: fc.integer({ min: -1200, max: 1400 }),
      message: text,
    }),
    { nil: undefined },
  ),
});
const byKey = (a: { key: string }, b: { key: string }): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
const byKeyAndAge = (a: TableLog, b: TableLog): number => byKey(a, b) || b.updateIndex - a.updateIndex;
const refs = fc
  .uniqueArray(ref, { selector: (each) => each.key, maxLength: 120 })
  .map((all) => all.sort(byKey));
const logs = fc
  .uniqueArray(log, { selector: (each) => `${each.key} ${each.updateIndex}`, maxLength: 60 })
  .map((all) => all.sort(byKeyAndAge));
const layout = fc.record({
  blockBytes: fc.constantFrom(256, 300, 1000, 4096),
  restartInterval: fc.constantFrom(1, 3, 16),
  unaligned: fc.boolean(),
  objectIndex: fc.boolean(),
});
const WHOLE = { format: "sha1", minUpdateIndex: 5, maxUpdateIndex: 2 ** 40 } as const;

/** Plain data, for comparing. */
const plain = (all: readonly TableLog[]): unknown => JSON.parse(JSON.stringify(all));

describe("a ref table", () => {
  test("gives back what was written, whole, by prefix and one by one", () =>
    fc.assert(
      fc.asyncProperty(refs, logs, layout, fc.boolean(), async (someRefs, someLogs, options, whole) => {
        const bytes = encodeTable({ ...WHOLE, ...options }, someRefs, someLogs);
        const cache = createByteCache<number, TableBlock>({ budgetBytes: 4096 });
        const table = await openTable(
          sourceOf(bytes),
          whole ? {} : { tailBytes: 0, readAheadBytes: 600, cache },
        );
        expect(await collect(table.refs())).toEqual(someRefs);
        expect(plain(await collect(table.logs()))).toEqual(plain(someLogs));
        const keys = ["", "refs/", "refs/heads", "zz", ...someRefs.map((each) => each.key)];
        for (const prefix of keys) {
          const inside = someRefs.filter((each) => each.key.startsWith(prefix));
          expect(await collect(table.refs({ prefix }))).toEqual(inside);
          expect(await tellRuns(table.runs({ prefix }))).toEqual(withoutIndex(inside));
          expect(await table.find(prefix)).toEqual(someRefs.find((each) => each.key === prefix));
          const entries = someLogs.filter((each) => each.key === prefix);
          expect(plain(await collect(table.log(prefix)))).toEqual(plain(entries));
        }
      }),
      { numRuns: 60 },
    ));

  test("in a stack is seen through newer ones, and deletions hide what lies below", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(refs, logs), { maxLength: 4 }), key, async (all, prefix) => {
        const tables = await Promise.all(
          all.map(([someRefs, someLogs]) =>
            openTable(sourceOf(encodeTable({ ...WHOLE, blockBytes: 300 }, someRefs, someLogs))),
          ),
        );
        const model = new Map(all.flatMap(([someRefs]) => someRefs.map((each) => [each.key, each] as const)));
        const newest = [...model.values()].sort(byKey);
        const living = newest.filter((each) => !isDeletion(each));
        expect(await collect(mergeTables(tables, { keepDeletions: true }).refs())).toEqual(newest);
        const merged = mergeTables(tables);
        expect(await collect(merged.refs())).toEqual(living);
        expect(await collect(merged.refs({ prefix }))).toEqual(
          living.filter((each) => each.key.startsWith(prefix)),
        );
        for (const start of ["", prefix]) {
          expect(await tellRuns(merged.runs({ prefix: start }))).toEqual(
            withoutIndex(living.filter((each) => each.key.startsWith(start))),
          );
        }
        expect(await merged.find(prefix)).toEqual(living.find((each) => each.key === prefix));
        const logModel = new Map(
          all.flatMap(([, someLogs]) =>
            someLogs.map((each) => [`${each.key} ${each.updateIndex}`, each] as const),
          ),
        );
        const livingLogs = [...logModel.values()].filter((each) => each.move !== undefined).sort(byKeyAndAge);
        expect(plain(await collect(merged.logs()))).toEqual(plain(livingLogs));
      }),
      { numRuns: 40 },
    ));

  test("tells plain refs as lines, whatever lies over them", async () => {
    const many = manyRefs(5000);
    const over = many.filter((_, i) => i % 999 === 7).map((each) => ({ ...each, updateIndex: 6 }));
    const tables = [many, over].map((some) => openTable(sourceOf(encodeTable(WHOLE, some))));
    const runs = mergeTables(await Promise.all(tables)).runs();
    let lines = 0;
    for await (const run of runs) lines += run.lines()?.count ?? 0;
    expect(lines).toBeGreaterThan(4000);
  });

  test("of many refs is opened by one read and searched by one more", async () => {
    const many = manyRefs(100_000);
    const source = sourceOf(encodeTable({ ...WHOLE, blockBytes: 16_384 }, many));
    const table = await openTable(source);
    for (const at of [0, 1, 50_000, 77_777, 99_999]) {
      source.reads.length = 0;
      expect(await table.find(many[at]!.key)).toEqual(many[at]);
      expect(source.reads.length).toBeLessThanOrEqual(1);
    }
    source.reads.length = 0;
    const prefix = "refs/changes/05";
    const inside = many.filter((each) => each.key.startsWith(prefix));
    expect(inside.length).toBeGreaterThan(900);
    expect(await collect(table.refs({ prefix }))).toEqual(inside);
    expect(source.reads.length).toBeLessThanOrEqual(4);
  });

  test("leaves its source alone when a listing is left early", async () => {
    const source = sourceOf(encodeTable(WHOLE, manyRefs(20_000)));
    const table = await openTable(source, { tailBytes: 0 });
    source.reads.length = 0;
    for await (const batch of mergeTables([table]).refs()) {
      expect(batch.length).toBeGreaterThan(0);
      break;
    }
    const before = source.reads.length;
    expect(source.reads.reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(source.sizeBytes / 4);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(source.reads.length).toBe(before);
    const aborted = AbortSignal.abort(new Error("enough"));
    await expect(collect(table.refs({ signal: aborted }))).rejects.toThrow("enough");
  });

  test("refuses records out of order, out of range, or too large", () => {
    const one = (name: string, index = 5): TableRef => ({
      key: name,
      updateIndex: index,
      oid: "1".repeat(40),
      peeled: undefined,
      symref: undefined,
    });
    const refused: [Partial<TableWriteOptions>, TableRef[]][] = [
      [{}, [one("b"), one("a")]],
      [{}, [one("a"), one("a")]],
      [{}, [one("a", 4)]],
      [{}, [one("x".repeat(5000))]],
      [{ format: "sha256" }, [one("a")]],
      [{ blockBytes: 0 }, []],
      [{ blockBytes: 2 ** 24 }, []],
    ];
    for (const [options, some] of refused) {
      expect(() => encodeTable({ ...WHOLE, ...options }, some)).toThrow(
        expect.objectContaining({ code: "STORAGE_UNSUPPORTED" }),
      );
    }
    expect(encodeTable(WHOLE, [one("x".repeat(4000))]).length).toBeGreaterThan(4000);
  });
});

function manyRefs(count: number): TableRef[] {
  const all: TableRef[] = [];
  for (let i = 0; i < count; i++) {
    const id = i.toString(16).padStart(40, "1");
    const name = `refs/changes/${`${i % 100}`.padStart(2, "0")}/${i}/1`;
    all.push({
      key: name,
      updateIndex: 5 + (i % 9),
      oid: id,
      peeled: i % 5 === 0 ? id : undefined,
      symref: undefined,
    });
  }
  return all.sort(byKey);
}

/** Reads everything a table has, some of it twice. */
async function readAll(bytes: Uint8Array): Promise<number> {
  const source = sourceOf(bytes);
  const table: RefRecords = await openTable(source, { tailBytes: 0, readAheadBytes: 2000 });
  const queries: TableQuery[] = [{}, { prefix: "refs/changes/3" }, { prefix: "zzz" }];
  for (const query of queries) {
    await collect(table.refs(query));
    for await (const run of table.runs(query)) run.lines();
    await collect(table.logs(query));
  }
  for (const name of ["refs/changes/07/7/1", "a", "refs/changes/99/99/1"]) {
    await table.find(name);
    await collect(table.log(name));
  }
  return source.reads.length;
}

/** Reads everything and takes nothing but the error for damage. */
async function readOrRefuse(bytes: Uint8Array): Promise<void> {
  try {
    // However it is damaged, blocks are met in order: no more reads than blocks could be.
    expect(await readAll(bytes)).toBeLessThan(16 * bytes.length);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    expect(error.code).toBe("STORAGE_CORRUPT");
  }
}

/** Makes the footer's checksum right again. */
function withChecksum(bytes: Buffer): Buffer {
  const footer = bytes.subarray(-68);
  footer.writeUInt32BE(crc32(footer.subarray(0, 64)), 64);
  return bytes;
}

describe("a damaged ref table", () => {
  const some = manyRefs(400);
  const someLogs: TableLog[] = some.slice(0, 80).map(({ key: name, oid: id }) => ({
    key: name,
    updateIndex: 7,
    move: {
      old: null,
      new: id ?? null,
      name: Buffer.from("A"),
      email: Buffer.from("a@b"),
      time: 1,
      zone: 0,
      message: Buffer.from(`${name}\n`),
    },
  }));
  const sound = Buffer.from(encodeTable({ ...WHOLE, blockBytes: 512, objectIndex: true }, some, someLogs));

  test("with a bit turned over is read or refused", () =>
    fc.assert(
      fc.asyncProperty(fc.nat({ max: sound.length * 8 - 1 }), async (bit) => {
        const bytes = Buffer.from(sound);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        await readOrRefuse(bit >> 3 < bytes.length - 68 ? bytes : withChecksum(bytes));
      }),
      { numRuns: 400 },
    ));

  test("with bytes written over is read or refused", () => {
    const splice = fc.record({
      at: fc.nat({ max: sound.length - 1 }),
      with: fc.uint8Array({ maxLength: 12 }),
    });
    return fc.assert(
      fc.asyncProperty(fc.array(splice, { minLength: 1, maxLength: 4 }), async (splices) => {
        const bytes = Buffer.from(sound);
        for (const { at, with: over } of splices) bytes.set(over.subarray(0, bytes.length - at), at);
        await readOrRefuse(withChecksum(bytes));
      }),
      { numRuns: 300 },
    );
  });

  test("that is cut off is refused", async () => {
    for (let length = 0; length < sound.length; length += 37) {
      await expect(openTable(sourceOf(sound.subarray(0, length)))).rejects.toMatchObject({
        code: "STORAGE_CORRUPT",
      });
    }
    const footer = sound.subarray(-68);
    for (let length = 0; length < sound.length - 68; length += 137) {
      await readOrRefuse(Buffer.concat([sound.subarray(0, length), footer]));
    }
  });

  test("of random bytes is refused", () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await expect(openTable(sourceOf(bytes))).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
      }),
      { numRuns: 100 },
    ));

  test("whose keys are made to grow is refused before they fill memory", async () => {
    const long = {
      key: "k".repeat(4_000),
      updateIndex: 5,
      oid: "1".repeat(40),
      peeled: undefined,
      symref: undefined,
    };
    const keys = Array.from({ length: 5_000 }, (_, i) => ({
      ...long,
      key: long.key + i.toString().padStart(5, "0"),
    }));
    const bytes = encodeTable({ ...WHOLE, blockBytes: 2 ** 23, restartInterval: 65_535 }, keys);
    const table = await openTable(sourceOf(bytes));
    await expect(collect(table.refs())).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
  });
});

test("numbers survive, and names do", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (value) => {
      const bytes = Buffer.alloc(8);
      const end = writeVarint(value, bytes, 0);
      expect(readVarint({ bytes, at: 0, end })).toBe(value);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) => {
      expect(nameOfKey(keyOfName(name))).toBe(name);
    }),
  );
  expect(nameOfKey("refs/heads/\xff")).toBeUndefined();
});

import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { numberedBlob, oidOf } from "../../test/support/fake-source.ts";
import { type BlobCache, openBlobCache } from "./blob-cache.ts";
import type { CachedBlob } from "./open-blob.ts";

let folder: string;
let cache: BlobCache;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-blobs-"));
  cache = await openBlobCache({ folder });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const placeOf = (oid: string): string => join(folder, oid.slice(0, 1), oid);
const files = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

/** Reads and releases a blob; whether it holds these bytes. */
function holds(blob: CachedBlob | undefined, expected: Buffer): boolean {
  if (blob === undefined) return false;
  const content = Buffer.alloc(blob.sizeBytes);
  readSync(blob.fd, content, 0, content.length, 0);
  blob.release();
  return content.equals(expected);
}

async function put(content: Buffer, into = cache): Promise<string> {
  const oid = oidOf(content);
  (await into.put(oid, content))[Symbol.dispose]();
  return oid;
}

describe.each([0, 19, 128 * 1024, 128 * 1024 + 1, 3 << 20])("a blob of %i bytes", (sizeBytes) => {
  it("is given back, to other processes too", async () => {
    const content = Buffer.alloc(sizeBytes, "content");
    const oid = await put(content);
    expect(holds(await cache.open(oid, { sizeBytes }), content)).toBe(true);
    expect(holds(await (await openBlobCache({ folder })).open(oid), content)).toBe(true);
    expect(files()).toEqual([oid]);
  });

  it("is as if it had never been there when it was damaged or cut", async () => {
    const content = Buffer.alloc(sizeBytes, "content");
    const spoils: ((path: string) => void)[] = [
      (path) => writeFileSync(path, "other"),
      (path) => rmSync(path),
    ];
    if (sizeBytes > 0) {
      spoils.push((path) => truncateSync(path, sizeBytes - 1));
      spoils.push((path) => writeFileSync(path, Buffer.concat([Buffer.from("!"), content.subarray(1)])));
    }
    for (const spoil of spoils) {
      const oid = await put(content);
      expect(holds(await cache.open(oid), content)).toBe(true);
      spoil(placeOf(oid));
      expect(await cache.open(oid)).toBeUndefined();
      expect(cache.has(oid)).toBe(false);
    }
  });

  it("of another size than it should be is none", async () => {
    const oid = await put(Buffer.alloc(sizeBytes));
    expect(await cache.open(oid, { sizeBytes: sizeBytes + 1 })).toBeUndefined();
  });
});

it("knows blobs of both hash functions", async () => {
  const content = Buffer.from("content");
  const oid = oidOf(content, "sha256");
  (await cache.put(oid, content))[Symbol.dispose]();
  expect(holds(await (await openBlobCache({ folder })).open(oid), content)).toBe(true);
});

it("reads a file once, however many open it at once, and again when it was touched", async () => {
  const oid = await put(numberedBlob(1, 1 << 20));
  const other = await openBlobCache({ folder });
  const blobs = await Promise.all(Array.from({ length: 8 }, async () => other.open(oid)));
  for (const blob of blobs) blob?.release();
  // Known now: there is nothing to wait for.
  const known = other.open(oid) as CachedBlob;
  expect(known.sizeBytes).toBe(1 << 20);
  known.release();
  utimesSync(placeOf(oid), 1, 2);
  const touched = other.open(oid);
  expect(touched).toBeInstanceOf(Promise);
  (await touched)?.release();
});

it("takes what is no file for none", async () => {
  const oid = oidOf(Buffer.from("x"));
  mkdirSync(placeOf(oid), { recursive: true });
  expect(await cache.open(oid)).toBeUndefined();
  writeFileSync(join(folder, "x"), "x");
  symlinkSync(join(folder, "x"), placeOf(oid));
  expect(await cache.open(oid)).toBeUndefined();
  expect(existsSync(join(folder, "x"))).toBe(true);
});

it("keeps what is open readable, and in its place where that was asked for", async () => {
  const first = await put(numberedBlob(1));
  const second = await put(numberedBlob(2));
  const open = (await cache.open(first))!;
  const kept = (await cache.open(second, { keepPath: true }))!;
  expect(await cache.evict(0)).toEqual({ count: 1, bytes: 4096 });
  expect(existsSync(placeOf(first))).toBe(false);
  expect(holds(open, numberedBlob(1))).toBe(true);
  expect(statSync(kept.path ?? "").ino).toBe(fstatSync(kept.fd).ino);
  kept.release();
  kept.release();
  expect((await cache.evict(0)).count).toBe(1);
  expect(files()).toEqual([]);
});

it("lets go first what was used longest ago, and nothing that is not its own", async () => {
  writeFileSync(join(folder, "precious"), "x");
  mkdirSync(join(folder, "ab"));
  writeFileSync(join(folder, "ab", "precious"), "x");
  const oids: string[] = [];
  for (let i = 0; i < 10; i++) oids.push(await put(numberedBlob(i)));
  for (const [i, oid] of oids.entries()) utimesSync(placeOf(oid), 1000 + i, 1000);
  (await cache.open(oids[0]!))?.release();
  await cache.evict(3 * 4096);
  expect(new Set(files())).toEqual(new Set(["precious", oids[0], oids[9], oids[8]]));
});

it("stays within its bound while blobs arrive, those of other processes counted", async () => {
  const maxBytes = 64 * 4096;
  const caches = await Promise.all([1, 2].map(() => openBlobCache({ folder, maxBytes })));
  for (let i = 0; i < 400; i++) {
    const into = caches[i % 2]!;
    await put(numberedBlob(i), into);
    await into.pressure;
  }
  for (const each of caches) await each.evict();
  expect(files().length).toBeLessThanOrEqual(64);
  expect(files().length).toBeGreaterThan(32);
});

it("gives a blob that is larger than all its room to those who wait, and does not keep it", async () => {
  const small = await openBlobCache({ folder, maxBytes: 8192 });
  const content = numberedBlob(1, 10_000);
  const oid = oidOf(content);
  const landing = await small.put(oid, content);
  const blobs = [landing.open(), landing.open()];
  landing[Symbol.dispose]();
  expect(files()).toEqual([]);
  for (const blob of blobs) expect(holds(blob, content)).toBe(true);
  expect(small.has(oid)).toBe(false);
});

it("removes drafts that a dead process has left, and no others", async () => {
  const oid = oidOf(numberedBlob(1));
  const name = (n: number): string => join(folder, "drafts", `${oid}.${"0".repeat(36)}-${n}.draft`);
  mkdirSync(join(folder, "drafts"));
  for (const n of [1, 2]) writeFileSync(name(n), "half");
  utimesSync(name(1), 1000, 1000);
  await cache.evict();
  expect([1, 2].map((n) => existsSync(name(n)))).toEqual([false, true]);
});

it("never shows a half or a wrong file, whatever is put, evicted, damaged and opened", async () => {
  const blobs = Array.from({ length: 6 }, (_, i) => numberedBlob(i, 1 + i * 3000));
  const oids = blobs.map((blob) => oidOf(blob));
  const step = fc.record({
    what: fc.constantFrom("put", "open", "evict", "damage", "cut", "other process", "pieces"),
    which: fc.nat(blobs.length - 1),
    amount: fc.nat(30_000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      let at = await openBlobCache({ folder, maxBytes: 24_000 });
      const open: { readonly blob: CachedBlob; readonly content: Buffer }[] = [];
      for (const { what, which, amount } of steps) {
        const oid = oids[which]!;
        const content = blobs[which]!;
        if (what === "put") (await at.put(oid, content))[Symbol.dispose]();
        else if (what === "evict") await at.evict(amount);
        else if (what === "other process") at = await openBlobCache({ folder, maxBytes: 24_000 });
        else if (what === "pieces") {
          const draft = at.begin(oid, content.length);
          const blob = draft.open();
          await draft.write(content.subarray(0, amount));
          await draft.write(content.subarray(amount));
          draft.finish()[Symbol.dispose]();
          open.push({ blob, content });
        } else if (what === "open") {
          const blob = await at.open(oid);
          if (blob !== undefined) open.push({ blob, content });
        } else if (existsSync(placeOf(oid))) {
          // A new file, as restoring a backup makes it: what is open stays as it is.
          const bytes = what === "cut" ? content.subarray(1) : Buffer.alloc(content.length);
          rmSync(placeOf(oid));
          writeFileSync(placeOf(oid), bytes);
        }
      }
      for (const { blob, content } of open) expect(holds(blob, content)).toBe(true);
      expect(files().filter((name) => name.endsWith(".draft"))).toEqual([]);
      await at.evict(0);
      expect(files()).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

it("makes its folder again when somebody has deleted it", async () => {
  for (let round = 0; round < 2; round++) {
    const oid = await put(numberedBlob(1));
    expect(holds(await cache.open(oid), numberedBlob(1))).toBe(true);
    rmSync(folder, { recursive: true });
    const draft = cache.begin(oid, 19);
    await draft.write(numberedBlob(1));
    draft.finish()[Symbol.dispose]();
    expect(holds(await cache.open(oid), numberedBlob(1))).toBe(true);
    rmSync(folder, { recursive: true });
  }
});

it("closes what it opens", async () => {
  const count = (): number => readdirSync("/proc/self/fd").length;
  const before = count();
  const oid = await put(numberedBlob(1, 300_000));
  (await cache.open(oid))?.release();
  writeFileSync(placeOf(oid), "other");
  await cache.open(oid);
  const draft = cache.begin(oid, 3);
  draft.open().release();
  draft.fail(new Error("enough"));
  expect(count()).toBe(before);
  expect(() => closeSync(-1)).toThrow();
});

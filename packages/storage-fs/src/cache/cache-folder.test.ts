import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cachedName, createCacheFolder } from "./cache-folder.ts";

const name = (n: number): string => cachedName(`${n}`.padStart(40, "0"), "graph");
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(length & 255);

describe("a cache folder", () => {
  let folder: string;
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), "millrace-cache-")), "made", "when", "needed");
  });
  afterEach(() => rm(join(folder, "..", "..", ".."), { recursive: true, force: true }));

  const namesIn = async (): Promise<string[]> =>
    (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .toSorted();
  /** Makes a file look as if it was used `age` seconds ago. */
  const age = async (file: string, seconds: number): Promise<void> => {
    const then = new Date(Date.now() - seconds * 1000);
    await utimes(join(folder, file.slice(0, 2), file), then, then);
  };

  it("gives back what it keeps, the newest of a name, to every process", async () => {
    const cache = createCacheFolder(folder, 10_000);
    expect(await cache.get(name(1))).toBeUndefined();
    await cache.put(name(1), bytes(100));
    await cache.put(name(1), bytes(101));
    for (const other of [cache, createCacheFolder(folder, 10_000)]) {
      expect(new Uint8Array((await other.get(name(1)))!)).toEqual(bytes(101));
    }
    expect(await namesIn()).toEqual([name(1)]);
  });

  it("keeps the content of a file, which stays", async () => {
    const cache = createCacheFolder(folder, 1000);
    await cache.put(name(1), bytes(600));
    await age(name(1), 10);
    for (const [n, size] of [
      [2, 700],
      [3, 1001],
    ] as const) {
      const source = join(folder, `source-${n}`);
      await writeFile(source, bytes(size), { mode: 0o444 });
      await cache.putFile(name(n), source);
      expect((await stat(source)).size).toBe(size);
    }
    expect(new Uint8Array((await cache.get(name(2)))!)).toEqual(bytes(700));
    expect(await cache.get(name(1))).toBeUndefined();
    expect(await cache.get(name(3))).toBeUndefined();
    expect((await stat(join(folder, name(2).slice(0, 2), name(2)))).mode & 0o777).toBe(0o600);
  });

  it("lets go of what was used longest ago", async () => {
    const cache = createCacheFolder(folder, 1000);
    for (const n of [1, 2, 3]) {
      await cache.put(name(n), bytes(300));
      await age(name(n), 100 - n);
    }
    await cache.get(name(1));
    await cache.put(name(4), bytes(300));
    expect(await namesIn()).toEqual([name(1), name(3), name(4)]);
    await cache.put(name(5), bytes(1001));
    expect(await cache.get(name(5))).toBeUndefined();
    expect(await namesIn()).toEqual([name(1), name(3), name(4)]);
  });

  it("counts what earlier processes have left, and sweeps up behind those that died", async () => {
    await createCacheFolder(folder, 10_000).put(name(1), bytes(900));
    const drafts = [1, 2].map((n) => `${name(n)}.${"0".repeat(8)}-0000-0000-0000-${"0".repeat(12)}.tmp`);
    for (const draft of drafts) await writeFile(join(folder, draft.slice(0, 2), draft), bytes(10));
    await age(drafts[0]!, 2 * 60 * 60);
    await age(name(1), 60);
    await createCacheFolder(folder, 1000).put(name(3), bytes(200));
    expect(await namesIn()).toEqual([drafts[1], name(3)]);
  });

  it("leaves alone what is not its own", async () => {
    const strangers = ["readme", "ab/notes.txt", "ab/cd/0.graph", `no/${name(1)}`, `.git/${name(2)}`];
    for (const stranger of strangers) {
      await mkdir(join(folder, stranger, ".."), { recursive: true });
      await writeFile(join(folder, stranger), bytes(5000));
    }
    const cache = createCacheFolder(folder, 500);
    for (const n of [1, 2, 3]) await cache.put(name(n), bytes(400));
    for (const stranger of strangers) expect((await stat(join(folder, stranger))).size).toBe(5000);
    expect((await namesIn()).filter((file) => file.startsWith("00"))).toHaveLength(1 + 2);
  });

  it("takes many writers of the same and of other names at once", async () => {
    const caches = [1, 2, 3].map(() => createCacheFolder(folder, 3000));
    await Promise.all(
      Array.from({ length: 60 }, (_, i) => caches[i % 3]!.put(name(i % 20), bytes(200 + (i % 20)))),
    );
    for (let n = 0; n < 20; n++) {
      const found = await caches[0]!.get(name(n));
      if (found !== undefined) expect(new Uint8Array(found)).toEqual(bytes(200 + n));
    }
    await createCacheFolder(folder, 3000).put(name(99), bytes(10));
    const sizes = await Promise.all(
      (await namesIn()).map((file) => stat(join(folder, file.slice(0, 2), file))),
    );
    expect(sizes.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(3000);
    expect((await namesIn()).filter((file) => file.endsWith(".tmp"))).toEqual([]);
  });
});

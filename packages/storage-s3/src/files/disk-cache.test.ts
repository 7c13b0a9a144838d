import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createDiskCache } from "./disk-cache.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-cache-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const files = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));

it("gives back what was put, also to another process", async () => {
  await createDiskCache(folder, 1000).put("a", Buffer.from("hello"));
  expect(Buffer.from((await createDiskCache(folder, 1000).get("a", 5)) ?? []).toString()).toBe("hello");
  expect(await createDiskCache(folder, 1000).get("b", 5)).toBeUndefined();
});

it("takes nothing that is damaged, cut or of another length, and deletes it", async () => {
  const cache = createDiskCache(folder, 1000);
  for (const spoil of [(bytes: Buffer) => bytes.fill(1, 0, 1), (bytes: Buffer) => bytes.subarray(0, -1)]) {
    await cache.put("a", Buffer.from("hello"));
    const [path = ""] = await files();
    await writeFile(path, spoil(await readFile(path)));
    expect(await cache.get("a", 5)).toBeUndefined();
    expect(await files()).toEqual([]);
  }
  await cache.put("a", Buffer.from("hello"));
  expect(await cache.get("a", 6)).toBeUndefined();
});

it("keeps to its budget and leaves alone what is not its own", async () => {
  const cache = createDiskCache(folder, 1000);
  await writeFile(join(folder, "precious"), "x".repeat(5000));
  for (let i = 0; i < 20; i++) await cache.put(`${i}`, Buffer.alloc(100, i));
  await cache.put("too large", Buffer.alloc(2000));
  const own = (await files()).filter((path) => !path.endsWith("precious"));
  expect(own.length).toBeLessThanOrEqual(7);
  expect(own.length).toBeGreaterThan(3);
  expect(await cache.get("19", 100)).toEqual(Buffer.alloc(100, 19));
  expect((await readFile(join(folder, "precious"))).length).toBe(5000);
});

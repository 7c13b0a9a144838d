import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { TestBucket } from "@millrace/s3-lab";

const AT_ONCE = 16;

/** Copies a folder into a bucket, a key a file, as the tools do that sync both. */
export async function copyIn(folder: string, bucket: TestBucket, prefix: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  await eachOf(files, async (path) => {
    await bucket.put(`${prefix}/${relative(folder, path)}`, await readFile(path));
  });
}

/** Copies what lies below a prefix into a folder, a file a key. */
export async function copyOut(bucket: TestBucket, prefix: string, folder: string): Promise<void> {
  await eachOf(await bucket.keys(`${prefix}/`), async (key) => {
    const path = join(folder, key.slice(prefix.length + 1));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, await bucket.get(key));
  });
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

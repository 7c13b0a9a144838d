import { mkdtempSync, readdirSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { numberedBlob, oidOf } from "../../test/support/fake-source.ts";
import { type BlobCache, openBlobCache } from "./blob-cache.ts";

const content = numberedBlob(1, 1000);
const oid = oidOf(content);
let folder: string;
let cache: BlobCache;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-blobs-"));
  cache = await openBlobCache({ folder });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const files = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

/** Whether a promise is settled after all that is under way now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

it("is read as far as it has come, and to its end when it is verified", async () => {
  const draft = cache.begin(oid, content.length);
  using blob = draft.open();
  const half = blob.readable!(500);
  const end = blob.readable!(1000);
  expect(await isSettled(half)).toBe(false);
  await draft.write(content.subarray(0, 600));
  await half;
  const bytes = Buffer.alloc(600);
  expect(readSync(blob.fd, bytes, 0, 600, 0)).toBe(600);
  expect(bytes).toEqual(content.subarray(0, 600));
  await draft.write(content.subarray(600));
  // All bytes are there; whether they are the right ones is not known yet.
  expect(await isSettled(end)).toBe(false);
  await blob.readable!(999);
  expect(cache.has(oid)).toBe(false);
  draft.finish()[Symbol.dispose]();
  await end;
  await blob.readable!(5000);
  expect(files()).toEqual([oid]);
});

it("that turns out to be another blob is read to its end by nobody", async () => {
  const draft = cache.begin(oid, content.length);
  using blob = draft.open();
  const end = blob.readable!(1000);
  await draft.write(Buffer.alloc(1000));
  expect(() => draft.finish()).toThrow(expect.objectContaining({ code: "MOUNT_BLOB_DAMAGED" }));
  await expect(end).rejects.toMatchObject({ code: "MOUNT_BLOB_DAMAGED" });
  await expect(blob.readable!(1)).rejects.toMatchObject({ code: "MOUNT_BLOB_DAMAGED" });
  expect(() => draft.open()).toThrow(expect.objectContaining({ code: "MOUNT_BLOB_DAMAGED" }));
  expect(files()).toEqual([]);
});

it("refuses what is longer or shorter than was said", async () => {
  const long = cache.begin(oid, 999);
  await expect(long.write(content)).rejects.toMatchObject({ code: "MOUNT_BLOB_DAMAGED" });
  const short = cache.begin(oid, 1000);
  await short.write(content.subarray(1));
  expect(() => short.finish()).toThrow(expect.objectContaining({ code: "MOUNT_BLOB_DAMAGED" }));
  expect(files()).toEqual([]);
});

it("that is given up during a write tells those who wait, and writes into no other file", async () => {
  const draft = cache.begin(oid, content.length);
  using blob = draft.open();
  const wait = blob.readable!(10);
  const write = draft.write(content);
  const reason = new Error("the server is gone");
  draft.fail(reason);
  await expect(wait).rejects.toBe(reason);
  await expect(write).rejects.toBe(reason);
  expect(files()).toEqual([]);
});

it("lets a reader leave without a word to the others", async () => {
  const draft = cache.begin(oid, content.length);
  using blob = draft.open();
  const stop = new AbortController();
  const leaving = blob.readable!(10, stop.signal);
  const staying = blob.readable!(10);
  stop.abort(new Error("interrupted"));
  await expect(leaving).rejects.toThrow("interrupted");
  await expect(blob.readable!(10, stop.signal)).rejects.toThrow("interrupted");
  await draft.write(content);
  await staying;
  draft.finish()[Symbol.dispose]();
});

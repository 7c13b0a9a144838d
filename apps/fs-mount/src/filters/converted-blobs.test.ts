import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashObject, type Oid, oidFromBytes } from "@millrace/pack";
import { afterAll, expect, test } from "vitest";
import { MemorySource } from "../../test/support/memory-source.ts";
import { openBlobCache } from "../cache/blob-cache.ts";
import { EXPLICIT_READ } from "../hydrator/blobs.ts";
import { contentId } from "./content-id.ts";
import { ConversionBook } from "./conversion-book.ts";
import { ConvertedBlobs } from "./converted-blobs.ts";

const root = mkdtempSync(join(tmpdir(), "millrace-converted-"));
const source = new MemorySource();
afterAll(() => {
  source.end();
  rmSync(root, { recursive: true, force: true });
});

const SMALL = "a\nb\n";
const LARGE = "0123456789\n".repeat(200_000);

test("a content is made once however many ask, is found again, and made again where it was evicted", async () => {
  const cache = await openBlobCache({ folder: join(root, "cache") });
  const book = new ConversionBook();
  const open = (known: ConversionBook): ConvertedBlobs =>
    new ConvertedBlobs({
      format: "sha1",
      blobs: source.blobs,
      cache,
      book: known,
      lfs: () => {
        throw new Error("nobody asks for that");
      },
    });
  const blobs = open(book);
  const read = async (from: ConvertedBlobs, id: Oid): Promise<string> => {
    const blob = await from.open(id, EXPLICIT_READ);
    const content = readFileSync(`/proc/self/fd/${blob.fd}`, "latin1");
    expect(blob.sizeBytes).toBe(content.length);
    blob.release();
    return content;
  };
  for (const [i, text] of [SMALL, LARGE].entries()) {
    const id = contentId(source.put("blob", Buffer.from(text)), "crlf");
    const converted = text.replaceAll("\n", "\r\n");
    source.asked.opens.length = 0;
    expect(await Promise.all([read(blobs, id), read(blobs, id), read(blobs, id)])).toEqual(
      Array(3).fill(converted),
    );
    expect(source.asked.opens.length, `once, ${i}`).toBe(1);
    // By what it would be called as a blob, so that the cache holds it against that.
    const { oid, sizeBytes } = book.get(id)!;
    expect(oid).toBe(oidFromBytes(hashObject("sha1", "blob", Buffer.from(converted)), 0, "sha1"));
    expect(sizeBytes).toBe(converted.length);
    expect(await blobs.sizeOf([id])).toEqual(new Map([[id, converted.length]]));
    const file = join(root, `book-${i}`);
    await book.save(file);
    const again = new ConversionBook();
    await again.load(file);
    expect(await read(open(again), id)).toBe(converted);
    expect(source.asked.opens.length).toBe(1);
    await cache.evict(0);
    expect(await read(open(again), id)).toBe(converted);
    expect(source.asked.opens.length).toBe(2);
  }
  expect(source.opened).toBe(0);
});

test("a content that stays as it is is not kept twice, and one that is gone is left out of the sizes", async () => {
  const cache = await openBlobCache({ folder: join(root, "other") });
  const book = new ConversionBook();
  const blobs = new ConvertedBlobs({
    format: "sha1",
    blobs: {
      ...source.blobs,
      open: async (oid, ...rest) => {
        if (oid === "0".repeat(40)) throw Object.assign(new Error("gone"), { code: "MOUNT_BLOB_MISSING" });
        return await source.blobs.open(oid, ...rest);
      },
    },
    cache,
    book,
    lfs: () => {
      throw new Error("nobody asks for that");
    },
  });
  const oid = source.put("blob", Buffer.from("\0binary\n"));
  const id = contentId(oid, "auto-crlf");
  const gone = contentId("0".repeat(40), "crlf");
  expect(await blobs.sizeOf([id, gone, oid])).toEqual(
    new Map([
      [oid, 8],
      [id, 8],
    ]),
  );
  expect(book.get(id)).toEqual({ oid, sizeBytes: 8 });
  expect(cache.has(oid)).toBe(false);
});

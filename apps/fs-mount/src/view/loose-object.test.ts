import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { openLooseObject } from "./loose-object.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-loose-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Has a blob open as a loose object. */
async function withBlob<T>(
  content: Uint8Array,
  use: (object: ReturnType<typeof openLooseObject>) => Promise<T>,
): Promise<T> {
  const file = join(folder, "blob");
  writeFileSync(file, content);
  const fd = openSync(file, "r");
  let released = 0;
  const object = openLooseObject({ fd, sizeBytes: content.length, release: () => released++ });
  try {
    return await use(object);
  } finally {
    object.close();
    closeSync(fd);
    expect(released).toBe(1);
  }
}

function contentOf(sizeBytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: sizeBytes }, (_, n) => (n * 7919) >>> 3));
}

// With its header one of 65,524 bytes fills a block.
test.each([0, 1, 65_523, 65_524, 65_525, 131_058, 131_059, 3_000_001])(
  "a blob of %i bytes is a zlib stream of header and content",
  async (sizeBytes) => {
    const content = contentOf(sizeBytes);
    await withBlob(content, async (object) => {
      const bytes = await object.read(0, object.sizeBytes + 100);
      expect(bytes).toHaveLength(object.sizeBytes);
      const header = Buffer.from(`blob ${sizeBytes}\0`);
      expect(inflateSync(bytes).equals(Buffer.concat([header, content]))).toBe(true);
    });
  },
);

test("any part of it is what it is as a whole", async () => {
  await withBlob(contentOf(200_000), async (object) => {
    const whole = Buffer.from(await object.read(0, object.sizeBytes));
    const place = fc.nat(object.sizeBytes + 10);
    await fc.assert(
      fc.asyncProperty(place, place, async (offset, length) => {
        const part = await object.read(offset, length);
        expect(whole.subarray(offset, offset + length).equals(part)).toBe(true);
      }),
    );
  });
});

test("a blob that somebody has cut is an error, and no other object", async () => {
  const file = join(folder, "cut");
  writeFileSync(file, "short");
  const fd = openSync(file, "r");
  const object = openLooseObject({ fd, sizeBytes: 100, release: () => closeSync(fd) });
  await expect(object.read(0, object.sizeBytes)).rejects.toMatchObject({ code: "EIO" });
  await expect(object.read(object.sizeBytes - 4, 4)).rejects.toMatchObject({ code: "EIO" });
  object.close();
});

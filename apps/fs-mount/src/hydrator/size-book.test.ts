import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { numberedBlob, oidOf } from "../../test/support/fake-source.ts";
import { SizeBook } from "./size-book.ts";

const root = mkdtempSync(join(tmpdir(), "millrace-sizes-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.each(["sha1", "sha256"] as const)("sizes that were learnt, %s", (format) => {
  const path = join(root, format);
  const oids = Array.from({ length: 50 }, (_, i) => oidOf(numberedBlob(i), format));
  const sizes = oids.map((_, i) => i ** 8);

  const load = async (): Promise<SizeBook> => {
    const book = new SizeBook();
    await book.load(path, format);
    return book;
  };

  it("are there again after a restart", async () => {
    const book = new SizeBook();
    oids.forEach((oid, i) => book.learn(oid, sizes[i]!));
    await book.save(path, format);
    const again = await load();
    expect(oids.map((oid) => again.get(oid))).toEqual(sizes);
    expect(readdirSync(root).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  it("are not written again where nothing was learnt", async () => {
    const book = await load();
    rmSync(path);
    await book.save(path, format);
    expect(readdirSync(root)).not.toContain(format);
    book.learn(oids[0]!, 7);
    await book.save(path, format);
    expect((await load()).get(oids[0]!)).toBe(7);
  });

  it("are none where their file is damaged, cut, or of another format", async () => {
    const book = new SizeBook();
    for (const oid of oids.slice(0, 5)) book.learn(oid, 1234);
    await book.save(path, format);
    const whole = readFileSync(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const damaged = Buffer.from(whole);
        damaged[at]! ^= change;
        for (const content of [damaged, whole.subarray(0, at)]) {
          writeFileSync(path, content);
          expect((await load()).count).toBe(0);
        }
      }),
      { numRuns: 40 },
    );
    writeFileSync(path, whole);
    const other = new SizeBook();
    await other.load(path, format === "sha1" ? "sha256" : "sha1");
    expect(other.count).toBe(0);
  });
});

it("are forgotten where there are too many, those learnt first", () => {
  const book = new SizeBook(2);
  const oids = [0, 1, 2].map((i) => oidOf(numberedBlob(i), "sha1"));
  for (const [i, oid] of oids.entries()) book.learn(oid, i);
  expect(oids.map((oid) => book.get(oid))).toEqual([undefined, 1, 2]);
});

it("are those of a map, whatever is learnt in whatever order", () => {
  const oid = fc.constantFrom(...Array.from({ length: 600 }, (_, i) => oidOf(numberedBlob(i), "sha1")));
  fc.assert(
    fc.property(fc.array(fc.tuple(oid, fc.nat(3)), { maxLength: 1500 }), (learnt) => {
      const book = new SizeBook();
      for (const [id, size] of learnt) book.learn(id, size);
      const known = new Map(learnt);
      expect(book.count).toBe(known.size);
      for (const [id, size] of known) expect(book.get(id)).toBe(size);
      expect(book.get("0".repeat(40))).toBeUndefined();
    }),
    { numRuns: 40 },
  );
});

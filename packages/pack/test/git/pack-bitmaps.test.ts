import * as fs from "node:fs/promises";
import * as path from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  createHasher,
  hashLength,
  type ObjectBits,
  type ObjectFormat,
  type Oid,
  openPackBitmaps,
  openPackIndex,
  type PackBitmaps,
  type PackIndex,
} from "../../src/index.ts";
import { git, makeFolder, makeRepository } from "./pack-fixtures.ts";

const code = (code: string) => expect.objectContaining({ code });
const folders: string[] = [];

interface Fixture {
  readonly dir: string;
  readonly bytes: Uint8Array;
  readonly index: PackIndex;
  readonly bitmaps: PackBitmaps;
}

async function fixture(format: ObjectFormat, flags: readonly string[]): Promise<Fixture> {
  const dir = await makeFolder();
  folders.push(dir);
  makeRepository(dir, format, 300);
  git(dir, ["branch", "side", "main~40"]);
  git(dir, ["tag", "-a", "-m", "of a tag", "again", "v1"]);
  git(dir, [...flags, "repack", "-adbq"]);
  const folder = path.join(dir, "objects", "pack");
  const base = (await fs.readdir(folder)).find((name) => name.endsWith(".bitmap"))!.replace(/\.bitmap$/, "");
  const read = async (kind: string): Promise<Uint8Array> => fs.readFile(path.join(folder, `${base}.${kind}`));
  const bytes = await read("bitmap");
  const index = openPackIndex(await read("idx"), format);
  return { dir, bytes, index, bitmaps: openPackBitmaps(bytes, index) };
}

function oidsIn(bits: ObjectBits, index: PackIndex): Oid[] {
  return Array.from(index.packOrder(), (position) => index.oidAt(position)).filter(
    (_, rank) => ((bits[rank >>> 5]! >>> (rank & 31)) & 1) === 1,
  );
}

afterAll(async () => {
  for (const dir of folders) await fs.rm(dir, { recursive: true, force: true });
});

describe.each<ObjectFormat>(["sha1", "sha256"])("the bitmaps of a pack by git, %s", (format) => {
  const settings = [[], ["-c", "pack.writeBitmapLookupTable=true", "-c", "pack.writeBitmapHashCache=false"]];

  it.each(settings)("hold what git rev-list --objects lists", async (...flags) => {
    const { dir, index, bitmaps } = await fixture(format, flags);
    const commits = git(dir, ["rev-list", "--all"]).toString().trim().split("\n");
    const withBitmap = commits.filter((oid) => bitmaps.has(index.findOid(oid)));
    expect(withBitmap.length).toBe(bitmaps.commitCount);
    expect(withBitmap.length).toBeGreaterThan(3);
    for (const oid of withBitmap) {
      const bits = bitmaps.empty();
      bitmaps.addReached(index.findOid(oid), bits);
      const listed = git(dir, ["rev-list", "--objects", "--no-object-names", oid]).toString().trim();
      expect(oidsIn(bits, index).toSorted()).toEqual(listed.split("\n").toSorted());
    }
  });

  it("know the types of all objects", async () => {
    const { dir, index, bitmaps } = await fixture(format, []);
    const types = git(dir, [
      "cat-file",
      "--batch-all-objects",
      "--batch-check=%(objecttype) %(objectname)",
    ]).toString();
    for (const type of ["commit", "tree", "blob", "tag"] as const) {
      const oids = types
        .split("\n")
        .filter((line) => line.startsWith(`${type} `))
        .map((line) => line.slice(type.length + 1));
      expect(oidsIn(bitmaps[`${type}s`], index).toSorted()).toEqual(oids.toSorted());
    }
  });

  it("are refused, or at least read within bounds, where they are damaged", async () => {
    const { bytes, index } = await fixture(format, []);
    expect(() => openPackBitmaps(bytes.subarray(0, 50), index)).toThrow(code("PACK_BAD_INDEX"));
    const flipped = bytes.slice();
    flipped[bytes.length >> 1]! ^= 1;
    expect(() => openPackBitmaps(flipped, index)).toThrow(code("PACK_BAD_INDEX"));
    const end = bytes.length - hashLength(format);
    fc.assert(
      fc.property(fc.nat(end - 1), fc.nat(255), fc.nat(end), (at, value, length) => {
        const forged = bytes.slice(0, Math.max(length, at + 1) + hashLength(format));
        forged[at] = value;
        const hasher = createHasher(format);
        hasher.update(forged.subarray(0, -hashLength(format)));
        forged.set(hasher.digest(), forged.length - hashLength(format));
        try {
          const bitmaps = openPackBitmaps(forged, index);
          for (let position = 0; position < index.count; position++) {
            if (bitmaps.has(position)) bitmaps.addReached(position, bitmaps.empty());
          }
        } catch (error) {
          expect(error).toEqual(code("PACK_BAD_INDEX"));
        }
      }),
      { numRuns: 300 },
    );
  });
});

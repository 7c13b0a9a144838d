import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyDelta } from "../../src/delta/apply.ts";
import { hashObject } from "../../src/hash.ts";
import { oidFromBytes } from "../../src/object-id.ts";
import { createPackScanner } from "../../src/scan/pack-scanner.ts";
import { objectTypeOfKind } from "../../src/scan/pack-entry.ts";
import type { ObjectFormat, ObjectType } from "../../src/schema.ts";
import { type GitRepository, makeHistory, makeRepository } from "./scan-support.ts";

interface Found {
  type: ObjectType;
  content: Uint8Array;
  sizeBytes: number;
  packedBytes: number;
  crc32: number;
}

/** Rebuilds every object of a pack whose bases come first, chunk by chunk. */
function scanAll(pack: Uint8Array, format: ObjectFormat, chunkBytes: number, wholeObjectBytes: number) {
  const byOffset = new Map<number, Found>();
  const byOid = new Map<string, Found & { offset: number }>();
  let pieces: Uint8Array[] = [];
  const scanner = createPackScanner({
    format,
    wholeObjectBytes,
    handler: {
      onEntry() {
        pieces = [];
      },
      onContent(entry, bytes) {
        if (entry.sizeBytes <= wholeObjectBytes) expect(pieces.length).toBe(0);
        pieces.push(bytes.slice());
      },
      onEntryEnd(entry) {
        const packed = Buffer.concat(pieces);
        expect(packed.length).toBe(entry.sizeBytes);
        const base =
          entry.kind === 6
            ? byOffset.get(entry.baseOffset)
            : entry.kind === 7
              ? byOid.get(oidFromBytes(entry.baseOid!, 0, format))
              : undefined;
        const type = objectTypeOfKind(entry.kind) ?? base!.type;
        const content = base === undefined ? new Uint8Array(packed) : applyDelta(base.content, packed);
        const found = {
          type,
          content,
          sizeBytes: entry.sizeBytes,
          packedBytes: entry.endOffset - entry.offset,
          crc32: entry.crc32,
        };
        byOffset.set(entry.offset, found);
        byOid.set(oidFromBytes(hashObject(format, type, content), 0, format), {
          ...found,
          offset: entry.offset,
        });
      },
    },
  });
  for (let at = 0; at < pack.length; at += chunkBytes) {
    const chunk = pack.slice(at, at + chunkBytes);
    expect(scanner.push(chunk)).toBe(chunk.length);
  }
  scanner.end();
  expect(scanner.done).toBe(true);
  expect(scanner.objectCount).toBe(byOid.size);
  return { byOid, scanner };
}

describe.each(["sha1", "sha256"] as const)("a pack made by git, %s", (format) => {
  let repository: GitRepository;
  let packs: { name: string; pack: Uint8Array }[];

  beforeAll(() => {
    repository = makeRepository(format);
    makeHistory(repository);
    const make = (name: string, args: string[]) => ({
      name,
      pack: new Uint8Array(
        repository.git(["pack-objects", "--stdout", "--all", "--revs", "-q", "--window=20", ...args]),
      ),
    });
    packs = [make("offset deltas", ["--delta-base-offset"]), make("reference deltas", [])];
  });
  afterAll(() => repository.remove());

  it.each([
    [1 << 20, 1 << 20],
    [4096, 1 << 20],
    [65_536, 0],
    [777, 1000],
    [17, 1 << 20],
  ])("yields git's objects in chunks of %d, whole up to %d", (chunkBytes, wholeObjectBytes) => {
    for (const { name, pack } of packs) {
      const { byOid, scanner } = scanAll(pack, format, chunkBytes, wholeObjectBytes);
      const listing = repository
        .git(["cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype) %(objectsize)"])
        .toString()
        .trim()
        .split("\n");
      const found = [...byOid].map(([oid, { type, content }]) => `${oid} ${type} ${content.length}`);
      expect(found.sort(), name).toEqual(listing.sort());
      const trailerBytes = format === "sha1" ? 20 : 32;
      expect(scanner.bodyBytes).toBe(pack.length - trailerBytes);
      expect(scanner.trailer).toEqual(pack.slice(-trailerBytes));
    }
  });

  it("finds the offsets and checksums that git's index holds", () => {
    for (const { pack } of packs) {
      const { byOid } = scanAll(pack, format, 65_536, 1 << 20);
      const path = join(repository.path, "test.pack");
      writeFileSync(path, pack);
      repository.git(["index-pack", "-o", "test.idx", path]);
      const index = readFileSync(join(repository.path, "test.idx"));
      const shown = repository.git(["show-index", `--object-format=${format}`], index).toString();
      rmSync(join(repository.path, "test.idx"), { force: true });
      const lines = shown.trim().split("\n");
      const found = [...byOid].map(
        ([oid, { offset, crc32 }]) => `${offset} ${oid} (${crc32.toString(16).padStart(8, "0")})`,
      );
      expect(found.sort()).toEqual(lines.sort());
    }
  });
});

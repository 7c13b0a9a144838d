import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createFakeSource, numberedBlob, oidOf } from "../../test/support/fake-source.ts";
import { Hydrator } from "../hydrator/hydrator.ts";
import { openBlobCache } from "./blob-cache.ts";

/** A disk of its own, of one megabyte. */
const disk = mkdtempSync(join(tmpdir(), "millrace-full-"));
const folder = join(disk, "cache");
const spillFolder = join(tmpdir(), `${disk.slice(disk.lastIndexOf("/") + 1)}-spill`);
let missing: string | undefined;
beforeAll(() => {
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
  if (status !== 0) missing = `a small disk cannot be mounted: ${stderr.toString().trim()}`;
  mkdirSync(spillFolder);
});
afterAll(() => {
  if (missing === undefined) spawnSync("umount", ["-l", disk]);
  rmSync(disk, { recursive: true, force: true });
  rmSync(spillFolder, { recursive: true, force: true });
});
beforeEach((ctx) => {
  if (missing !== undefined) ctx.skip(missing);
  for (const name of readdirSync(disk)) rmSync(join(disk, name), { recursive: true });
});

const blobs = [300_000, 300_001, 300_002, 300_003, 300_004].map((size, i) => numberedBlob(i, size));
const oids = blobs.map((blob) => oidOf(blob));
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => (error as { readonly code?: unknown }).code,
  );

it.each([Number.POSITIVE_INFINITY, 100_000])(
  "a full disk makes room by what was used longest ago (pieces of %d bytes)",
  async (pieceBytes) => {
    await using hydrator = new Hydrator({
      cache: await openBlobCache({ folder }),
      source: createFakeSource(blobs, pieceBytes),
    });
    for (const [i, oid] of oids.entries()) {
      expect(Buffer.from(await hydrator.read(oid, 1 << 20)).equals(blobs[i]!)).toBe(true);
    }
    const kept = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(kept.length).toBeLessThanOrEqual(3);
    expect(kept.map(({ name }) => name)).toContain(oids[4]);
  },
);

it("where nothing can go, reads are answered from the other disk, else with a typed error", async () => {
  const source = createFakeSource(blobs);
  const pieces = createFakeSource(blobs, 100_000);
  const cache = await openBlobCache({ folder });
  writeFileSync(join(disk, "others"), Buffer.alloc(900_000));
  for (const from of [source, pieces]) {
    await using hydrator = new Hydrator({ cache, source: from });
    expect(await codeOf(hydrator.open(oids[0]!))).toBe("MOUNT_CACHE_FULL");
  }
  await using spilling = new Hydrator({ cache: await openBlobCache({ folder, spillFolder }), source });
  expect(Buffer.from(await spilling.read(oids[0]!, 1 << 20)).equals(blobs[0]!)).toBe(true);
  expect(readdirSync(spillFolder)).toEqual([]);
  const left = readdirSync(folder, { recursive: true, withFileTypes: true });
  expect(left.filter((entry) => entry.isFile())).toEqual([]);
});

it("and what is cached stays readable", async () => {
  const cache = await openBlobCache({ folder });
  await using hydrator = new Hydrator({ cache, source: createFakeSource(blobs) });
  using open = await hydrator.open(oids[0]!);
  writeFileSync(join(disk, "others"), Buffer.alloc(700_000));
  expect(await codeOf(hydrator.hydrate(oids[1]!))).toBe("MOUNT_CACHE_FULL");
  expect(open.sizeBytes).toBe(300_000);
});

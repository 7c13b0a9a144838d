import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { numberedBlob, oidOf } from "../../test/support/fake-source.ts";
import { openBlobCache } from "./blob-cache.ts";
import { KnownFiles } from "./known-files.ts";

const root = mkdtempSync(join(tmpdir(), "millrace-known-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

it("opens what the cache has verified, and nothing that was changed since or is gone", async () => {
  const cache = await openBlobCache({ folder: join(root, "cache") });
  const known = new KnownFiles(cache.folder);
  const forget = cache.watchVerified((oid, file) => known.learn(oid, file));
  const blobs = [1, 2, 3, 4].map((i) => numberedBlob(i));
  const [kept, changed, gone, late] = blobs.map((blob) => oidOf(blob));
  expect(known.open(kept!)).toBeUndefined();
  const put = async (blob: Buffer): Promise<void> => {
    (await cache.put(oidOf(blob), blob))[Symbol.dispose]();
  };
  for (const blob of blobs.slice(0, 3)) await put(blob);
  forget();
  await put(blobs[3]!);
  const pathOf = (oid: string): string => join(cache.folder, oid.slice(0, 1), oid);
  writeFileSync(pathOf(changed!), "something else");
  rmSync(pathOf(gone!));
  using blob = known.open(kept!)!;
  expect(readFileSync(blob.fd)).toEqual(blobs[0]);
  expect(blob.sizeBytes).toBe(19);
  for (const oid of [changed!, gone!, late!]) expect(known.open(oid)).toBeUndefined();
  // Forgotten, even if a file comes back.
  writeFileSync(pathOf(gone!), blobs[2]!);
  expect(known.open(gone!)).toBeUndefined();
});

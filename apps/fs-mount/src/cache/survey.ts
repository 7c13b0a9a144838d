import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { BLOB_FILE, BLOB_FOLDER, DRAFT_FILE, DRAFT_FOLDER } from "./blob-place.ts";

/** A blob's file as a survey finds it. */
export interface FoundBlob {
  readonly oid: Oid;
  /** What it takes on the disk, in bytes. */
  readonly diskBytes: number;
  readonly usedMs: number;
}

/** A draft so old was left by a process that died. */
const DRAFT_GRACE_MS = 60 * 60 * 1000;
const BLOCK_BYTES = 4096;

/** What a file of this size takes on a disk, in bytes; even an empty one has an inode. */
export function diskBytes(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / BLOCK_BYTES)) * BLOCK_BYTES;
}

/** All blobs in a cache. Drafts that nobody will finish are deleted; what else lies there is left alone. */
export async function survey(folder: string): Promise<FoundBlob[]> {
  const found: FoundBlob[] = [];
  const isOurs = (name: string): boolean => BLOB_FOLDER.test(name) || name === DRAFT_FOLDER;
  for (const part of (await readdir(folder)).filter(isOurs)) {
    const names = await readdir(join(folder, part)).catch(() => []);
    await Promise.all(
      names.map(async (name) => {
        const path = join(folder, part, name);
        const isBlob = BLOB_FILE.test(name);
        if (!isBlob && !DRAFT_FILE.test(name)) return;
        const stats = await stat(path).catch(() => undefined);
        if (stats?.isFile() !== true) return;
        if (isBlob) {
          found.push({ oid: name, diskBytes: diskBytes(stats.size), usedMs: stats.atimeMs });
        } else if (stats.mtimeMs < Date.now() - DRAFT_GRACE_MS) {
          await rm(path, { force: true });
        }
      }),
    );
  }
  return found;
}

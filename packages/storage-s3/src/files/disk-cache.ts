import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Immutable bytes by name in a folder that several processes may share. */
export interface DiskCache {
  /** What was put under a name, if all of it is there and sound. */
  get(name: string, length: number): Promise<Uint8Array | undefined>;
  /** Keeps bytes; older ones make room. Bytes that are larger than all the room are not kept. */
  put(name: string, bytes: Uint8Array): Promise<void>;
}

const DIGEST_BYTES = 32;
/** What else lies in the folder is not ours. */
const OWN_FOLDER = /^[0-9a-f]{2}$/;
const OWN_FILE = /^[0-9a-f]{64}(?:\.[0-9a-f-]{36}\.tmp)?$/;
const DRAFT = ".tmp";
/** A draft so old was left by a process that died. */
const DRAFT_GRACE_MS = 60 * 60 * 1000;
/** Makes room for more than one file, so that not each one counts them all. */
const ROOM_SHARE = 0.1;

/**
 * A cache in a folder, which is made where it is missing. Each file ends in its SHA-256: files are written aside and
 * renamed, and what does not match is deleted and read from the store again.
 */
export function createDiskCache(folder: string, budgetBytes: number): DiskCache {
  /** What the folder holds, as far as this process knows; counted at the first write. */
  let size: number | undefined;
  let making: Promise<void> | undefined;

  const pathOf = (name: string): string => {
    const hash = createHash("sha256").update(name).digest("hex");
    return join(folder, hash.slice(0, 2), hash);
  };

  const makeRoom = async (): Promise<void> => {
    const found = await survey(folder);
    let left = found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (left > budgetBytes) {
      found.sort((a, b) => a.usedMs - b.usedMs);
      for (const { path, sizeBytes } of found) {
        if (left <= budgetBytes * (1 - ROOM_SHARE)) break;
        await rm(path, { force: true });
        left -= sizeBytes;
      }
    }
    size = left;
  };

  return {
    async get(name, length) {
      const path = pathOf(name);
      const file = await readFile(path).catch(() => undefined);
      if (file === undefined) return undefined;
      const bytes = file.subarray(0, -DIGEST_BYTES);
      const digest = file.subarray(-DIGEST_BYTES);
      if (bytes.length !== length || !createHash("sha256").update(bytes).digest().equals(digest)) {
        await rm(path, { force: true });
        return undefined;
      }
      const now = new Date();
      utimes(path, now, now).catch(() => undefined);
      return bytes;
    },
    async put(name, bytes) {
      if (bytes.length + DIGEST_BYTES > budgetBytes) return;
      const path = pathOf(name);
      await mkdir(join(path, ".."), { recursive: true });
      const draft = `${path}.${randomUUID()}${DRAFT}`;
      try {
        await writeFile(draft, [bytes, createHash("sha256").update(bytes).digest()], {
          flag: "wx",
          mode: 0o600,
        });
        await rename(draft, path);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      if (size !== undefined) size += bytes.length + DIGEST_BYTES;
      if (size !== undefined && size <= budgetBytes) return;
      await (making ??= makeRoom().finally(() => {
        making = undefined;
      }));
    },
  };
}

interface Found {
  readonly path: string;
  readonly sizeBytes: number;
  readonly usedMs: number;
}

/** All files of a cache; drafts that nobody will finish are deleted. */
async function survey(folder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const part of (await readdir(folder)).filter((name) => OWN_FOLDER.test(name))) {
    for (const name of await readdir(join(folder, part)).catch(() => [])) {
      if (!OWN_FILE.test(name)) continue;
      const path = join(folder, part, name);
      const stats = await stat(path).catch(() => undefined);
      if (stats === undefined) continue;
      const isStale = name.endsWith(DRAFT) && stats.mtimeMs < Date.now() - DRAFT_GRACE_MS;
      if (isStale) await rm(path, { force: true });
      else found.push({ path, sizeBytes: stats.size, usedMs: stats.mtimeMs });
    }
  }
  return found;
}

import { randomUUID } from "node:crypto";
import {
  chmod,
  constants,
  copyFile,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { readFrom } from "../files/random-access-file.ts";
import { inBatches } from "../files/in-batches.ts";
import { ifPresent } from "../files/fault.ts";

/** Files that can be made again, in a folder that several processes may share. Names are a hash in hex and an ending. */
export interface CacheFolder {
  /** A file's bytes, whole, or `undefined`. Whether they are sound is the caller's to find out. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** Keeps a file, in the place of one that is there; older files make room. One that is larger than all the room is not kept. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** The same with the content of a file, which stays. */
  putFile(name: string, path: string): Promise<void>;
}

/** The file that is kept of a pack; the id tells its content, so repositories that share a pack share it. */
export function cachedName(packId: string, kind: "graph" | "rev"): string {
  return `${packId}.${kind}`;
}

interface Found {
  readonly path: string;
  readonly sizeBytes: number;
  readonly usedMs: number;
}

const DRAFT = ".tmp";
/** A draft so old was left by a process that died. */
const DRAFT_GRACE_MS = 60 * 60 * 1000;
/** Makes room for more than one file, so that not each one counts them all. */
const ROOM_SHARE = 0.1;
/** What else lies in the folder is not ours: somebody may have named the wrong one. */
const OWN_FOLDER = /^[0-9a-f]{2}$/;
const OWN_FILE = /^[0-9a-f]{40,64}\.[a-z]+(?:\.[0-9a-f-]{36}\.tmp)?$/;

/**
 * A cache in a folder, which is made where it is missing. Files are written aside and renamed, so that nobody sees half
 * of one; what was used longest ago goes first. Processes that share the folder count it each for themselves, and each
 * keeps it within its own bound.
 */
export function createCacheFolder(folder: string, budgetBytes: number): CacheFolder {
  /** What the folder holds, as far as this process knows; counted when it is first written to. */
  let usedBytes: number | undefined;
  let trimming: Promise<void> | undefined;

  /** By the first two letters, as git spreads loose objects. */
  const directoryOf = (name: string): string => join(folder, name.slice(0, 2));

  const trim = async (): Promise<void> => {
    const files = await listFiles(folder);
    const now = Date.now();
    let kept = 0;
    for (const { sizeBytes } of files) kept += sizeBytes;
    for (const { path, sizeBytes, usedMs } of files) {
      const isLeft = path.endsWith(DRAFT) && now - usedMs > DRAFT_GRACE_MS;
      if (kept <= budgetBytes * (1 - ROOM_SHARE) && !isLeft) continue;
      if (path.endsWith(DRAFT) && !isLeft) continue;
      await rm(path, { force: true });
      kept -= sizeBytes;
    }
    usedBytes = kept;
  };

  /** Keeps a file of this size, which `write` makes at the path that it is given. */
  const keep = async (
    name: string,
    sizeBytes: number,
    write: (path: string) => Promise<void>,
  ): Promise<void> => {
    if (sizeBytes > budgetBytes) return;
    const directory = directoryOf(name);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const draft = join(directory, `${name}.${randomUUID()}${DRAFT}`);
    try {
      await write(draft);
      await rename(draft, join(directory, name));
    } catch (error) {
      await rm(draft, { force: true }).catch(() => undefined);
      throw error;
    }
    if (usedBytes !== undefined) usedBytes += sizeBytes;
    if (usedBytes !== undefined && usedBytes <= budgetBytes) return;
    trimming ??= trim().finally(() => {
      trimming = undefined;
    });
    await trimming;
  };

  return {
    async get(name) {
      const path = join(directoryOf(name), name);
      const bytes = await ifPresent(readWhole(path));
      if (bytes === undefined) return undefined;
      const now = new Date();
      // Whether it can be told young is not worth a fault: the folder may be another user's.
      await utimes(path, now, now).catch(() => undefined);
      return bytes;
    },
    put: (name, bytes) =>
      keep(name, bytes.length, (path) => writeFile(path, bytes, { mode: 0o600, flag: "wx" })),
    async putFile(name, source) {
      await keep(name, (await stat(source)).size, async (path) => {
        await copyFile(source, path, constants.COPYFILE_EXCL);
        await chmod(path, 0o600);
      });
    },
  };
}

/** `readFile` reads in pieces, which takes several times as long. */
async function readWhole(path: string): Promise<Uint8Array> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    return await readFrom(handle, size, path).read(0, size);
  } finally {
    await handle.close();
  }
}

/** All files of the folder, those used longest ago first. */
async function listFiles(folder: string): Promise<Found[]> {
  const paths: string[] = [];
  for (const part of (await ifPresent(readdir(folder))) ?? []) {
    if (!OWN_FOLDER.test(part)) continue;
    for (const name of (await ifPresent(readdir(join(folder, part)))) ?? []) {
      if (OWN_FILE.test(name)) paths.push(join(folder, part, name));
    }
  }
  const found: Found[] = [];
  await inBatches(paths, async (path) => {
    const stats = await ifPresent(stat(path));
    if (stats?.isFile() === true) found.push({ path, sizeBytes: stats.size, usedMs: stats.mtimeMs });
  });
  return found.sort((a, b) => a.usedMs - b.usedMs);
}

import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { hashLength, type ObjectFormat, type OperationOptions } from "@millrace/pack";
import type { PackInfo } from "@millrace/storage";
import { ifPresent } from "../files/fault.ts";

/** A pack on the disk. */
export interface CatalogedPack extends PackInfo {
  /** Its path without `.pack`. */
  readonly base: string;
  readonly modifiedMs: number;
}

/** Finds packs, and remembers which id each file has. */
export interface PackCatalog {
  /** The packs with an index in these object directories, newest first, each id once. */
  list(directories: readonly string[], options?: OperationOptions): Promise<readonly CatalogedPack[]>;
}

const STATS_AT_ONCE = 32;
/** How often one listing is begun while the folder keeps changing. */
const MAX_LOOKS = 4;

/** A catalog for one repository. A pack's id is its trailer, which is what git names it by, old gits excepted. */
export function createPackCatalog(format: ObjectFormat): PackCatalog {
  const known = new Map<string, CatalogedPack>();

  const examine = async (base: string): Promise<CatalogedPack | undefined> => {
    const stats = await ifPresent(stat(`${base}.pack`));
    if (stats === undefined) return undefined;
    const before = known.get(base);
    if (before?.sizeBytes === stats.size && before.modifiedMs === stats.mtimeMs) return before;
    const id = await ifPresent(readTrailer(`${base}.pack`, stats.size, hashLength(format)));
    if (id === undefined) return undefined;
    const pack = { id, base, sizeBytes: stats.size, modifiedMs: stats.mtimeMs };
    known.set(base, pack);
    return pack;
  };

  const examineAll = async (bases: readonly string[], signal?: AbortSignal): Promise<CatalogedPack[]> => {
    const packs: CatalogedPack[] = [];
    for (let from = 0; from < bases.length; from += STATS_AT_ONCE) {
      signal?.throwIfAborted();
      for (const pack of await Promise.all(bases.slice(from, from + STATS_AT_ONCE).map(examine))) {
        if (pack !== undefined) packs.push(pack);
      }
    }
    return packs;
  };

  /** A repack in the middle of a look can hide both the old pack and the new one: what changed meanwhile is looked at again. */
  const listFolder = async (folder: string, signal?: AbortSignal): Promise<CatalogedPack[]> => {
    for (let look = 1; ; look++) {
      const version = await folderVersion(folder);
      const bases = await findBases(folder);
      const packs = await examineAll(bases, signal);
      if (look === MAX_LOOKS || (await folderVersion(folder)) === version) return packs;
    }
  };

  return {
    async list(directories, { signal } = {}) {
      const packs = new Map<string, CatalogedPack>();
      const present = new Set<string>();
      for (const directory of directories) {
        signal?.throwIfAborted();
        for (const pack of await listFolder(join(directory, "pack"), signal)) {
          present.add(pack.base);
          if (!packs.has(pack.id)) packs.set(pack.id, pack);
        }
      }
      if (known.size > 2 * present.size + 64) {
        for (const base of known.keys()) if (!present.has(base)) known.delete(base);
      }
      return [...packs.values()].sort((a, b) => b.modifiedMs - a.modifiedMs);
    },
  };
}

/** Changes with every file that comes or goes. */
async function folderVersion(folder: string): Promise<bigint | undefined> {
  return (await ifPresent(stat(folder, { bigint: true })))?.mtimeNs;
}

/** The paths of packs that have an index, without `.pack`. */
async function findBases(folder: string): Promise<string[]> {
  const names = new Set((await ifPresent(readdir(folder))) ?? []);
  const bases: string[] = [];
  for (const name of names) {
    const base = name.slice(0, -4);
    if (name.endsWith(".idx") && names.has(`${base}.pack`)) bases.push(join(folder, base));
  }
  return bases;
}

async function readTrailer(path: string, size: number, length: number): Promise<string | undefined> {
  if (size < 12 + length) return undefined;
  const handle = await open(path, "r");
  try {
    const trailer = Buffer.alloc(length);
    const { bytesRead } = await handle.read(trailer, 0, length, size - length);
    return bytesRead === length ? trailer.toString("hex") : undefined;
  } finally {
    await handle.close();
  }
}

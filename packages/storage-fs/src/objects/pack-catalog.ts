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

  return {
    async list(directories, { signal } = {}) {
      const bases: string[] = [];
      for (const directory of directories) {
        signal?.throwIfAborted();
        const names = new Set((await ifPresent(readdir(join(directory, "pack")))) ?? []);
        for (const name of names) {
          const base = name.slice(0, -4);
          if (name.endsWith(".idx") && names.has(`${base}.pack`)) bases.push(join(directory, "pack", base));
        }
      }
      const packs = new Map<string, CatalogedPack>();
      for (let from = 0; from < bases.length; from += STATS_AT_ONCE) {
        signal?.throwIfAborted();
        for (const pack of await Promise.all(bases.slice(from, from + STATS_AT_ONCE).map(examine))) {
          if (pack !== undefined && !packs.has(pack.id)) packs.set(pack.id, pack);
        }
      }
      if (known.size > 2 * bases.length + 64) {
        const present = new Set(bases);
        for (const base of known.keys()) if (!present.has(base)) known.delete(base);
      }
      return [...packs.values()].sort((a, b) => b.modifiedMs - a.modifiedMs);
    },
  };
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

import { type Stats } from "node:fs";
import { open } from "node:fs/promises";
import { ifPresent } from "./fault.ts";
import { isSameVersion, isSettled, statIfPresent } from "./file-version.ts";

/** A file that is read again only when it has changed. */
export interface CachedFile<T> {
  /** What the file holds now, parsed; `undefined` where it does not exist. */
  read(path: string): Promise<T | undefined>;
}

export interface CachedFileOptions {
  /** Take a directory, or a device, for a file that does not exist. */
  readonly plainOnly?: boolean | undefined;
}

interface Version<T> {
  readonly path: string;
  readonly stats: Stats;
  readonly value: T;
}

/**
 * Keeps the parsed content of the last version of a file, told from others by device, inode, size and times, as git's
 * stat validity does. `parse` gets the whole content and may keep it.
 */
export function createCachedFile<T>(
  parse: (bytes: Buffer) => T,
  { plainOnly = false }: CachedFileOptions = {},
): CachedFile<T> {
  let last: Version<T> | undefined;
  return {
    async read(path) {
      const current = last;
      const seen = await statIfPresent(path);
      if (seen === undefined || (plainOnly && !seen.isFile())) return undefined;
      if (current?.path === path && isSameVersion(current.stats, seen)) return current.value;
      const handle = await ifPresent(open(path, "r"));
      if (handle === undefined) return undefined;
      try {
        const stats = await handle.stat();
        const settled = isSettled(stats);
        const value = parse(await handle.readFile());
        if (settled) last = { path, stats, value };
        return value;
      } finally {
        await handle.close();
      }
    },
  };
}

import type { Dirent, Stats } from "node:fs";
import { readdir } from "node:fs/promises";
import { ifPresent } from "./fault.ts";
import { isSameVersion, isSettled, statIfPresent } from "./file-version.ts";

/** Directories that are listed again only when something came into them or left. */
export interface CachedDirectories {
  /** What is in a directory now; nothing where it does not exist. */
  read(path: string): Promise<readonly Dirent[]>;
}

interface Listing {
  readonly stats: Stats;
  readonly entries: readonly Dirent[];
}

/** Listings of so many entries are kept in all. */
const MAX_KEPT_ENTRIES = 20_000;

export function createCachedDirectories(): CachedDirectories {
  const kept = new Map<string, Listing>();
  let keptEntries = 0;
  const forget = (path: string): void => {
    keptEntries -= (kept.get(path)?.entries.length ?? -1) + 1;
    kept.delete(path);
  };
  return {
    async read(path) {
      const stats = await statIfPresent(path);
      const listing = kept.get(path);
      if (listing !== undefined && stats !== undefined && isSameVersion(listing.stats, stats)) {
        return listing.entries;
      }
      forget(path);
      if (stats === undefined) return [];
      const settled = isSettled(stats);
      const entries = (await ifPresent(readdir(path, { withFileTypes: true }))) ?? [];
      if (!settled || entries.length >= MAX_KEPT_ENTRIES) return entries;
      if (keptEntries + entries.length >= MAX_KEPT_ENTRIES) {
        kept.clear();
        keptEntries = 0;
      }
      forget(path);
      kept.set(path, { stats, entries });
      keptEntries += entries.length + 1;
      return entries;
    },
  };
}

import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { type CacheFolder, createCacheFolder } from "./cache/cache-folder.ts";
import type { FsRepositoryOptions, UpdateWorkTree } from "./schema.ts";

/** The options of a repository with their defaults in place. */
export interface WriteSettings {
  readonly lockTimeoutMs: number;
  readonly packedRefsTimeoutMs: number;
  readonly fsync: boolean;
  readonly homeDirectory: string;
  readonly recoverLocks: boolean;
  /** Directories that nothing is borrowed from. */
  readonly ignoreAlternates: readonly string[];
  /** Where files are kept that are made for packs and that git knows nothing of; absent where nowhere. */
  readonly cache: CacheFolder | undefined;
  readonly updateWorkTree: UpdateWorkTree | undefined;
}

const DEFAULT_CACHE_BYTES = 2 * 1024 * 1024 * 1024;

/** Fills in the defaults. */
export function writeSettings(options: Omit<FsRepositoryOptions, "strict">): WriteSettings {
  const { lockTimeoutMs = 5_000, packedRefsTimeoutMs = 10_000, fsync = "batch" } = options;
  const {
    homeDirectory = homedir(),
    recoverLocks = false,
    ignoreAlternates = [],
    updateWorkTree,
    cacheFolder,
    cacheFolderBytes = DEFAULT_CACHE_BYTES,
  } = options;
  const cache =
    cacheFolder === undefined
      ? undefined
      : createCacheFolder(join(resolve(cacheFolder), "graphs"), cacheFolderBytes);
  return {
    lockTimeoutMs,
    packedRefsTimeoutMs,
    fsync: fsync === "batch",
    homeDirectory,
    recoverLocks,
    ignoreAlternates,
    cache,
    updateWorkTree,
  };
}

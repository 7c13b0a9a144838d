import { stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import {
  booleanValue,
  type ConfigEntry,
  createConfig,
  parseConfig,
  type RepositoryConfig,
  StorageError,
} from "@millrace/storage";
import { type CachedFile, createCachedFile } from "../files/cached-file.ts";
import { ifPresent } from "../files/fault.ts";
import type { Place } from "../place.ts";
import { expandHome, type IncludeScope, includeHolds } from "./include-condition.ts";

/** A repository's configuration with the files it includes. */
export interface ConfigReader {
  /** The settings as they are now; files are read again only when they changed. Throws `STORAGE_CORRUPT`. */
  read(place: Place): Promise<RepositoryConfig>;
}

/** As deep as git follows includes. */
const INCLUDE_DEPTH = 10;

/**
 * Reads a repository's `config`, behind it the worktree's `config.worktree` where `extensions.worktreeConfig` is on, and
 * what `include` and `includeIf` name, in the places where they name it.
 */
export function createConfigReader(homeDirectory: string): ConfigReader {
  const files = new Map<string, CachedFile<readonly ConfigEntry[]>>();

  const readFile = async (path: string): Promise<readonly ConfigEntry[]> => {
    let file = files.get(path);
    if (file === undefined) {
      // Git takes a directory or nothing for an empty file.
      file = createCachedFile((bytes) => parseConfig(bytes.toString("utf8")), { plainOnly: true });
      files.set(path, file);
    }
    return (await file.read(path)) ?? [];
  };

  const collect = async (
    path: string,
    depth: number,
    scope: IncludeScope,
    into: ConfigEntry[],
  ): Promise<void> => {
    for (const entry of await readFile(path)) {
      const { key, value } = entry;
      into.push(entry);
      const condition = includeCondition(key);
      if (condition === undefined) continue;
      if (condition !== "" && !(await includeHolds(condition, path, scope))) continue;
      const included = expandHome(value, homeDirectory);
      if (included === undefined) continue;
      const target = isAbsolute(included) ? included : join(dirname(path), included);
      if ((await ifPresent(stat(target))) === undefined) continue;
      if (depth >= INCLUDE_DEPTH)
        throw new StorageError("STORAGE_CORRUPT", `includes are nested too deep at ${target}`, { key: path });
      await collect(target, depth + 1, scope, into);
    }
  };

  return {
    async read(place) {
      const entries: ConfigEntry[] = [];
      const scope = { place, homeDirectory };
      await collect(join(place.commonDir, "config"), 0, scope, entries);
      const config = createConfig(entries);
      if (booleanValue(config, "extensions.worktreeconfig") !== true) return config;
      await collect(join(place.gitDir, "config.worktree"), 0, scope, entries);
      return createConfig(entries);
    },
  };
}

/** The condition of an include, empty for one without; `undefined` for all other settings. */
function includeCondition(key: string): string | undefined {
  if (key === "include.path") return "";
  const isConditional = key.startsWith("includeif.") && key.endsWith(".path");
  return isConditional && key.length > "includeif..path".length
    ? key.slice("includeif.".length, -".path".length)
    : undefined;
}

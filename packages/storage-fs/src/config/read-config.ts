import { stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { StorageError } from "@millrace/storage";
import { type CachedFile, createCachedFile } from "../files/cached-file.ts";
import { ifPresent } from "../files/fault.ts";
import type { Place } from "../place.ts";
import { booleanValue } from "./config-values.ts";
import { expandHome, type IncludeScope, includeHolds } from "./include-condition.ts";
import { type ConfigEntry, parseConfig } from "./parse-config.ts";

/** Every value of every setting, in order: of several the last one counts, where there can be but one. */
export type Config = ReadonlyMap<string, readonly string[]>;

/** A repository's configuration with the files it includes. */
export interface ConfigReader {
  /** The settings as they are now; files are read again only when they changed. Throws `STORAGE_CORRUPT`. */
  read(place: Place): Promise<Config>;
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
      file = createCachedFile((bytes) => parseConfig(bytes.toString("utf8")));
      files.set(path, file);
    }
    // Git takes a directory or nothing for an empty file.
    if ((await ifPresent(stat(path)))?.isFile() !== true) return [];
    return (await file.read(path)) ?? [];
  };

  const collect = async (
    path: string,
    depth: number,
    scope: IncludeScope,
    into: Map<string, string[]>,
  ): Promise<void> => {
    for (const { key, value } of await readFile(path)) {
      const values = into.get(key);
      if (values === undefined) into.set(key, [value]);
      else values.push(value);
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
      const config = new Map<string, string[]>();
      const scope = { place, homeDirectory };
      await collect(join(place.commonDir, "config"), 0, scope, config);
      if (booleanValue(config, "extensions.worktreeconfig") === true)
        await collect(join(place.gitDir, "config.worktree"), 0, scope, config);
      return config;
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

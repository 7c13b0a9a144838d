import { stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { type CachedFile, createCachedFile } from "../files/cached-file.ts";
import { ifPresent } from "../files/fault.ts";
import { type ConfigEntry, parseConfig } from "./parse-config.ts";

/** Every value of every setting, in order. */
export type Config = ReadonlyMap<string, readonly string[]>;

/** A repository's configuration with the files it includes. */
export interface ConfigReader {
  /** The settings as they are now; files are read again only when they changed. Throws `STORAGE_CORRUPT`. */
  read(path: string): Promise<Config>;
}

/** As deep as git follows includes. */
const INCLUDE_DEPTH = 10;

/** Reads `config` and what `include.path` names; conditional includes are not followed. */
export function createConfigReader(): ConfigReader {
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

  const collect = async (path: string, depth: number, into: Map<string, string[]>): Promise<void> => {
    for (const { key, value } of await readFile(path)) {
      const values = into.get(key);
      if (values === undefined) into.set(key, [value]);
      else values.push(value);
      if (key !== "include.path" || depth >= INCLUDE_DEPTH || value.startsWith("~")) continue;
      await collect(isAbsolute(value) ? value : join(dirname(path), value), depth + 1, into);
    }
  };

  return {
    async read(path) {
      const config = new Map<string, string[]>();
      await collect(path, 0, config);
      return config;
    },
  };
}

/** The last value of a setting. */
export function lastValue(config: Config, key: string): string | undefined {
  return config.get(key)?.at(-1);
}

/** A setting that is on or off, by git's words; `undefined` for absent ones and for other words. */
export function booleanValue(config: Config, key: string): boolean | undefined {
  const value = lastValue(config, key)?.toLowerCase();
  if (value === undefined) return undefined;
  if (value === "true" || value === "yes" || value === "on") return true;
  if (value === "" || value === "false" || value === "no" || value === "off") return false;
  const number = Number(value);
  return Number.isInteger(number) ? number !== 0 : undefined;
}

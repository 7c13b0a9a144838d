import type { RepositoryConfig } from "./config.ts";
import { StorageError } from "./errors.ts";

/** The last value of a setting. */
export function lastValue(config: RepositoryConfig, key: string): string | undefined {
  return config.get(key)?.at(-1);
}

/** A setting that is on or off, by git's words; `undefined` for absent ones and for other words. */
export function booleanValue(config: RepositoryConfig, key: string): boolean | undefined {
  const value = lastValue(config, key);
  return value === undefined ? undefined : parseBoolean(value);
}

/** What git takes for on and off; `undefined` for everything else. */
export function parseBoolean(value: string): boolean | undefined {
  const word = value.toLowerCase();
  if (word === "true" || word === "yes" || word === "on") return true;
  if (word === "" || word === "false" || word === "no" || word === "off") return false;
  const number = parseInteger(value);
  return number === undefined ? undefined : number !== 0;
}

/** A number, perhaps with git's suffixes `k`, `m`, `g`. Throws `STORAGE_CORRUPT` where it is none. */
export function integerValue(config: RepositoryConfig, key: string): number | undefined {
  const value = lastValue(config, key);
  if (value === undefined) return undefined;
  const number = parseInteger(value);
  if (number === undefined) throw badValue(key, value);
  return number;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

function parseInteger(value: string): number | undefined {
  const match = /^[ \t\n\v\f\r]*([+-]?)(0x[0-9a-f]+|[0-9]+)([kmg]?)$/i.exec(value);
  if (match === null) return undefined;
  const [, sign, digits, unit] = match as unknown as [string, string, string, string];
  const octal = /^0[0-9]/.test(digits);
  if (octal && /[89]/.test(digits)) return undefined;
  const number =
    (octal ? Number.parseInt(digits, 8) : Number(digits)) * (UNITS[unit.toLowerCase()] as number);
  if (!Number.isSafeInteger(number)) return undefined;
  return sign === "-" ? -number : number;
}

/** The error for a setting that git would not take either: `STORAGE_CORRUPT`. */
export function badValue(key: string, value: string): StorageError {
  return new StorageError("STORAGE_CORRUPT", `bad config value ${JSON.stringify(value)} for ${key}`, { key });
}

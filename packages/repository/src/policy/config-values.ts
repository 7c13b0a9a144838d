/** A repository's configuration: values by lower-cased `section.key` or `section.Subsection.key`, in order. */
export type Config = ReadonlyMap<string, readonly string[]>;

/** The value that counts: the last one. */
export function lastValue(config: Config, key: string): string | undefined {
  return config.get(key)?.at(-1);
}

/** A boolean as git-config has it; a key without a value is true. `undefined` where it is absent or no boolean. */
export function booleanValue(config: Config, key: string): boolean | undefined {
  const value = lastValue(config, key);
  if (value === undefined) return undefined;
  if (/^(?:|true|yes|on)$/i.test(value)) return true;
  if (/^(?:false|no|off)$/i.test(value)) return false;
  const number = parseInteger(value);
  return number === undefined ? undefined : number !== 0;
}

/** An integer as git-config has it, with `k`, `m` or `g` behind it; `undefined` where it is absent or none. */
export function integerValue(config: Config, key: string): number | undefined {
  const value = lastValue(config, key);
  return value === undefined ? undefined : parseInteger(value);
}

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

function parseInteger(text: string): number | undefined {
  const [, digits, unit = ""] = /^\s*([+-]?\d+)([kmg]?)$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits) * UNITS[unit.toLowerCase()]!;
  return Number.isSafeInteger(value) ? value : undefined;
}

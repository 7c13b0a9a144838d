import type { ConfigEntry } from "./schema.ts";

/** A repository's settings (git-config). */
export interface RepositoryConfig {
  /** Every setting in the order in which they count, whatever file or key they come from. */
  readonly entries: readonly ConfigEntry[];
  /** All values of one key in order, where it has any: of those that can be but one the last counts. */
  get(key: string): readonly string[] | undefined;
}

/** Puts settings in reach by their keys; `entries` is kept. */
export function createConfig(entries: readonly ConfigEntry[]): RepositoryConfig {
  const byKey = new Map<string, string[]>();
  for (const { key, value } of entries) {
    const values = byKey.get(key);
    if (values === undefined) byKey.set(key, [value]);
    else values.push(value);
  }
  return { entries, get: (key) => byKey.get(key) };
}

import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { OperationOptions } from "@millrace/pack";
import { compareNames, type ListOptions } from "@millrace/storage";
import { errnoOf, ifPresent } from "./files/fault.ts";
import { placeAt } from "./place.ts";

const ENTRIES_AT_ONCE = 16;

/**
 * The repositories below a directory, by their paths relative to it, in byte order. Does not go into repositories,
 * into directories whose names start with a dot, nor through symbolic links to
 * directories of repositories; directories that may not be read are passed over.
 */
export async function* listRepositories(
  root: string,
  { prefix = "", after, limit = Number.POSITIVE_INFINITY, signal }: ListOptions & OperationOptions,
): AsyncGenerator<string> {
  let left = limit;
  for await (const name of walk("")) {
    if (!name.startsWith(prefix) || (after !== undefined && compareNames(name, after) <= 0)) continue;
    yield name;
    if (--left === 0) return;
  }

  async function* walk(above: string): AsyncGenerator<string> {
    const entries = (await ifReadable(readdir(join(root, above), { withFileTypes: true }))) ?? [];
    const wanted = entries.filter(({ name }) => !name.startsWith(".") && isWanted(above + name));
    const found: string[] = [];
    for (let from = 0; from < wanted.length; from += ENTRIES_AT_ONCE) {
      signal?.throwIfAborted();
      const looks = wanted
        .slice(from, from + ENTRIES_AT_ONCE)
        .map((entry) => look(above + entry.name, entry));
      for (const name of await Promise.all(looks)) if (name !== undefined) found.push(name);
    }
    for (const name of found.sort(compareNames)) {
      if (name.endsWith("/")) yield* walk(name);
      else yield name;
    }
  }

  /** The name of a repository, a directory with `/` behind it, or `undefined`. */
  async function look(path: string, entry: Dirent): Promise<string | undefined> {
    const link = entry.isSymbolicLink();
    if (!link && !entry.isDirectory()) return undefined;
    const full = join(root, path);
    if ((await ifReadable(placeAt(full))) !== undefined) return path;
    if ((await ifReadable(placeAt(join(full, ".git")))) !== undefined) return path;
    return link ? undefined : `${path}/`;
  }

  /** Whether this path, or one below it, can be among the names asked for. */
  function isWanted(path: string): boolean {
    if (!path.startsWith(prefix) && !prefix.startsWith(`${path}/`)) return false;
    return after === undefined || compareNames(path, after) > 0 || after.startsWith(path);
  }
}

/** `ifPresent`, which passes over what may not be read as well: `lost+found`, say. */
async function ifReadable<T>(run: Promise<T>): Promise<T | undefined> {
  try {
    return await ifPresent(run);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "EACCES" || code === "EPERM" || code === "ELOOP") return undefined;
    throw error;
  }
}

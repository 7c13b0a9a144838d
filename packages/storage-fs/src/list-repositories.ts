import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { OperationOptions } from "@millrace/pack";
import { compareNames, type ListOptions } from "@millrace/storage";
import { ifPresent } from "./files/fault.ts";
import { placeAt } from "./place.ts";

/**
 * The repositories below a directory, by their paths relative to it, in byte order. Does not go into repositories,
 * into directories whose names start with a dot, nor through symbolic links to directories of repositories.
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
    const found: { readonly name: string; readonly descend: boolean }[] = [];
    for (const entry of (await ifPresent(readdir(join(root, above), { withFileTypes: true }))) ?? []) {
      signal?.throwIfAborted();
      const path = above + entry.name;
      if (entry.name.startsWith(".") || !isWanted(path)) continue;
      const link = entry.isSymbolicLink();
      if (!(await isDirectory(entry, join(root, path)))) continue;
      if (await isRepository(join(root, path))) found.push({ name: path, descend: false });
      else if (!link) found.push({ name: `${path}/`, descend: true });
    }
    found.sort((a, b) => compareNames(a.name, b.name));
    for (const { name, descend } of found) {
      if (descend) yield* walk(name);
      else yield name;
    }
  }

  /** Whether this path, or one below it, can be among the names asked for. */
  function isWanted(path: string): boolean {
    if (!path.startsWith(prefix) && !prefix.startsWith(`${path}/`)) return false;
    return after === undefined || compareNames(path, after) > 0 || after.startsWith(path);
  }
}

async function isDirectory(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return (await ifPresent(stat(path)))?.isDirectory() === true;
}

async function isRepository(path: string): Promise<boolean> {
  return (await placeAt(path)) !== undefined || (await placeAt(join(path, ".git"))) !== undefined;
}

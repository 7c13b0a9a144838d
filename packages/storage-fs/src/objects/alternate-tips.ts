import { basename, dirname } from "node:path";
import type { Oid, OperationOptions } from "@millrace/pack";
import { lastValue, refsOf, StorageError } from "@millrace/storage";
import { wildmatch } from "../config/wildmatch.ts";
import { type FsRepository, openRepository } from "../fs-repository.ts";
import { placeAt } from "../place.ts";
import { listRefs } from "../refs/list-refs.ts";

/**
 * What the refs of the repositories with these object directories point to, each id once, ref by ref as they are read
 * (git-config, `core.alternateRefsPrefixes`). Directories that belong to no repository, or to one that cannot be read,
 * have none.
 */
export async function* alternateTips(
  borrower: FsRepository,
  directories: readonly string[],
  { signal }: OperationOptions,
): AsyncGenerator<Oid> {
  const wanted = lastValue(await borrower.config(), "core.alternaterefsprefixes")?.split(" ");
  const patterns = wanted?.filter((pattern) => pattern !== "") ?? [];
  const told = new Set<Oid>();
  for (const directory of directories) {
    const repository =
      basename(directory) === "objects" ? await openLender(dirname(directory), borrower) : undefined;
    if (repository === undefined) continue;
    for await (const batch of listRefs(repository, { signal })) {
      for (const { name, oid } of refsOf(batch, repository.objectFormat)) {
        if (told.has(oid) || (patterns.length > 0 && !patterns.some((pattern) => covers(pattern, name))))
          continue;
        told.add(oid);
        yield oid;
      }
    }
  }
}

/** As arguments of git for-each-ref: the whole name, the directories it starts with, or a glob. */
function covers(pattern: string, name: string): boolean {
  const start = pattern.endsWith("/") ? pattern : `${pattern}/`;
  return name === pattern || name.startsWith(start) || wildmatch(pattern, name);
}

async function openLender(path: string, borrower: FsRepository): Promise<FsRepository | undefined> {
  const place = await placeAt(path);
  if (place === undefined) return undefined;
  try {
    const repository = await openRepository(place, borrower.settings);
    return repository.objectFormat === borrower.objectFormat ? repository : undefined;
  } catch (error) {
    // What git would not list refs of does not keep anybody from pushing.
    if (error instanceof StorageError && error.code !== "STORAGE_IO") return undefined;
    throw error;
  }
}

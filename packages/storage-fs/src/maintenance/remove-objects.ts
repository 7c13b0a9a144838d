import { readdir, readFile, rmdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Oid, OperationOptions } from "@millrace/pack";
import type { Removal } from "@millrace/storage";
import { errnoOf, ifPresent } from "../files/fault.ts";
import type { FsRepository } from "../fs-repository.ts";
import type { CatalogedPack } from "../objects/pack-catalog.ts";
import type { FsMaintenance } from "./maintenance.ts";

/** The files of a pack in the order in which git takes them away: without its index nobody begins to read it. */
const ENDINGS = [".idx", ".pack", ".rev", ".bitmap", ".mtimes", ".promisor"] as const;

/**
 * Removes packs, those that are promised or all others, and loose objects; `landing` are ids of packs that have just come.
 * Who has a pack open reads on.
 * Answers the ids of the packs that are gone.
 */
export async function removeObjects(
  repository: FsRepository,
  maintenance: FsMaintenance,
  removal: Removal,
  { landing, isPromised }: { readonly landing: ReadonlySet<string>; readonly isPromised: boolean },
  options: OperationOptions,
): Promise<readonly string[]> {
  const objects = join(repository.place.commonDir, "objects");
  const listed = await repository.packs.list([objects], options);
  const movable = new Set(
    (await maintenance.packs(options))
      .filter((pack) => !pack.stays && pack.isPromised === isPromised)
      .map(({ id }) => id),
  );
  const wanted = new Set(removal.packs);
  const going = listed.filter(
    ({ id, modifiedMs }) =>
      wanted.has(id) && movable.has(id) && !landing.has(id) && modifiedMs < maintenance.startedMs,
  );
  await forgetMultiPackIndex(join(objects, "pack"), going);
  for (const { base } of going) for (const ending of ENDINGS) await ifPresent(unlink(base + ending));
  await removeLoose(objects, removal.loose ?? [], maintenance.startedMs);
  return going.map(({ id }) => id);
}

/** A multi-pack-index that names a pack which goes is of no use; git removes it, too, with its bitmap. */
async function forgetMultiPackIndex(folder: string, going: readonly CatalogedPack[]): Promise<void> {
  if (going.length === 0) return;
  const names = (await ifPresent(readdir(folder))) ?? [];
  if (names.includes("multi-pack-index")) {
    const bytes = await ifPresent(readFile(join(folder, "multi-pack-index")));
    if (bytes === undefined || !going.some(({ base }) => bytes.includes(`${nameOf(base)}.idx\0`))) return;
    for (const name of names) {
      if (/^multi-pack-index(?:-[0-9a-f]+\.(?:bitmap|rev))?$/.test(name))
        await ifPresent(unlink(join(folder, name)));
    }
  }
}

function nameOf(base: string): string {
  return base.slice(base.lastIndexOf("/") + 1);
}

/** Objects that somebody has written again meanwhile stay. */
async function removeLoose(objects: string, oids: readonly Oid[], startedMs: number): Promise<void> {
  const prefixes = new Set<string>();
  for (const oid of oids) {
    const prefix = oid.slice(0, 2);
    const path = join(objects, prefix, oid.slice(2));
    const stats = await ifPresent(stat(path));
    if (stats === undefined || stats.mtimeMs >= startedMs) continue;
    await ifPresent(unlink(path));
    prefixes.add(prefix);
  }
  for (const prefix of prefixes) {
    try {
      await rmdir(join(objects, prefix));
    } catch (error) {
      if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "")) throw error;
    }
  }
}

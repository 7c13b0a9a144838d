import { utimes } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectFormat, Oid } from "@millrace/pack";
import { errnoOf } from "../files/fault.ts";
import { probeIndex } from "./index-probe.ts";
import type { CatalogedPack } from "./pack-catalog.ts";

/** Where objects may lie already. */
export interface KnownPlaces {
  /** Object directories, the borrowed ones too. */
  readonly directories: readonly string[];
  readonly packs: readonly CatalogedPack[];
  readonly objectFormat: ObjectFormat;
}

/**
 * The objects among these that are there already. What holds one is made young again, so that a prune which goes by
 * age leaves it; where that may not be done, the object counts as missing and is written once more, as git does.
 */
export async function freshenKnown(places: KnownPlaces, oids: readonly Oid[]): Promise<ReadonlySet<Oid>> {
  const known = new Set<Oid>();
  for (const { base } of places.packs) {
    const missing = oids.filter((oid) => !known.has(oid));
    if (missing.length === 0) return known;
    const found = await probeIndex(`${base}.idx`, places.objectFormat, missing);
    if (found.length > 0 && (await freshen(`${base}.pack`))) for (const oid of found) known.add(oid);
  }
  for (const directory of places.directories) {
    for (const oid of oids) {
      if (!known.has(oid) && (await freshen(join(directory, oid.slice(0, 2), oid.slice(2))))) known.add(oid);
    }
  }
  return known;
}

/** Whether the file is there and has the time of now. */
async function freshen(path: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(path, now, now);
    return true;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES", "EPERM", "EROFS"].includes(errnoOf(error) ?? "")) return false;
    throw error;
  }
}

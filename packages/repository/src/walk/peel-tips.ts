import { type Oid, oidToBytes, readTagTarget } from "@millrace/pack";
import { RepositoryError } from "../errors.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { ObjectMarks } from "./object-marks.ts";

/** Where walks start, by type, as numbers of a walk's marks. */
export interface Tips {
  readonly tags: number[];
  readonly commits: number[];
  readonly trees: number[];
  readonly blobs: number[];
}

/**
 * Sorts tips by type and follows tags to what they point to; every tag on the way counts as a tip.
 * Throws `REPOSITORY_OBJECT_MISSING`, unless `skipMissing`.
 */
export async function peelTips(
  reader: ObjectReader,
  marks: ObjectMarks,
  oids: Iterable<Oid>,
  skipMissing = false,
): Promise<Tips> {
  const tips: Tips = { tags: [], commits: [], trees: [], blobs: [] };
  const met = new Set<Oid>();
  for (const start of oids) {
    for (let oid: Oid | undefined = start; oid !== undefined && !met.has(oid); ) {
      met.add(oid);
      const bytes = oidToBytes(oid);
      const info = await reader.info(bytes);
      if (info === undefined) {
        if (skipMissing) break;
        throw new RepositoryError("REPOSITORY_OBJECT_MISSING", `object ${oid} is missing`, { oid });
      }
      const number = marks.number(bytes);
      oid = undefined;
      if (info.type === "commit") tips.commits.push(number);
      else if (info.type === "tree") tips.trees.push(number);
      else if (info.type === "blob") tips.blobs.push(number);
      else {
        tips.tags.push(number);
        oid = readTagTarget((await reader.read(bytes)).content, reader.format).oid;
      }
    }
  }
  return tips;
}

import { type ObjectType, type Oid, oidToBytes, readTagTarget } from "@millrace/pack";
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
  const met = new Set<number>();
  for (const start of oids) {
    let number = marks.number(oidToBytes(start));
    while (!met.has(number)) {
      met.add(number);
      const type = marks.table.typeAt(number) ?? (await typeOf(reader, marks, number));
      if (type === undefined) {
        if (skipMissing) break;
        const oid = marks.table.oidAt(number);
        throw new RepositoryError("REPOSITORY_OBJECT_MISSING", `object ${oid} is missing`, { oid });
      }
      if (type === "commit") tips.commits.push(number);
      else if (type === "tree") tips.trees.push(number);
      else if (type === "blob") tips.blobs.push(number);
      else {
        tips.tags.push(number);
        number = await tagTargetOf(reader, marks, number);
      }
    }
  }
  return tips;
}

/** An object's type; `undefined` where it is missing. */
export async function typeOf(
  reader: ObjectReader,
  marks: ObjectMarks,
  number: number,
): Promise<ObjectType | undefined> {
  return marks.table.typeAt(number) ?? (await reader.info(marks.table.bytesAt(number)))?.type;
}

/** What a tag points to. */
export async function tagTargetOf(reader: ObjectReader, marks: ObjectMarks, tag: number): Promise<number> {
  const known = marks.table.tagTargetAt(tag);
  if (known !== undefined) return known;
  const { content } = await reader.read(marks.table.bytesAt(tag));
  return marks.number(oidToBytes(readTagTarget(content, reader.format).oid));
}

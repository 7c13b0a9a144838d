import { RepositoryError } from "../errors.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import type { ObjectMarks } from "./object-marks.ts";

/** The content of a tree. Throws `REPOSITORY_OBJECT_MISSING`, `REPOSITORY_WRONG_TYPE`. */
export async function readTree(
  reader: ObjectReader,
  marks: ObjectMarks,
  number: number,
): Promise<Uint8Array> {
  const { type, content } = await reader.read(marks.table.bytesAt(number));
  if (type === "tree") return content;
  const oid = marks.table.oidAt(number);
  throw new RepositoryError("REPOSITORY_WRONG_TYPE", `object ${oid} is a ${type}, not a tree`, { oid });
}

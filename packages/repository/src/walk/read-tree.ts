import { isGitlinkMode, isTreeMode, type ObjectType, walkTree } from "@millrace/pack";
import { RepositoryError } from "../errors.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import { isMissingObject } from "./commit-graph.ts";
import type { ObjectMarks } from "./object-marks.ts";

/** The content of a tree. Throws `REPOSITORY_OBJECT_MISSING`, `REPOSITORY_WRONG_TYPE`. */
async function readTree(reader: ObjectReader, marks: ObjectMarks, number: number): Promise<Uint8Array> {
  const { type, content } = await reader.read(marks.table.bytesAt(number));
  if (type === "tree") return content;
  throw wrongType(marks, number, type, "tree");
}

/** The same, or `undefined` for a tree that is missing where it `mayBeMissing`. */
export async function readTreeIfThere(
  reader: ObjectReader,
  marks: ObjectMarks,
  number: number,
  mayBeMissing: boolean,
): Promise<Uint8Array | undefined> {
  try {
    return await readTree(reader, marks, number);
  } catch (error) {
    if (mayBeMissing && isMissingObject(error)) return undefined;
    throw error;
  }
}

/** Reads a tree and tells of its entries but gitlinks, of a missing one that there are none where it `mayBeMissing`. */
export async function readEntries(
  reader: ObjectReader,
  marks: ObjectMarks,
  tree: number,
  mayBeMissing: boolean,
  meet: (child: number, isTree: boolean) => void,
): Promise<void> {
  const content = await readTreeIfThere(reader, marks, tree, mayBeMissing);
  if (content === undefined) return;
  walkTree(content, reader.format, (mode, oidOffset) => {
    if (isGitlinkMode(mode)) return;
    const child = marks.number(content, oidOffset);
    const isTree = isTreeMode(mode);
    checkTreeEntry(marks, child, isTree);
    meet(child, isTree);
  });
}

/** Throws `REPOSITORY_WRONG_TYPE` where a graph knows that an object is no tree. */
export function checkTree(marks: ObjectMarks, number: number): void {
  const type = marks.table.typeAt(number);
  if (type !== undefined && type !== "tree") throw wrongType(marks, number, type, "tree");
}

/** Throws `REPOSITORY_WRONG_TYPE` where a graph knows that a tree's entry is not what its mode says. */
function checkTreeEntry(marks: ObjectMarks, number: number, isTree: boolean): void {
  const type = marks.table.typeAt(number);
  const expected = isTree ? "tree" : "blob";
  if (type !== undefined && type !== expected) throw wrongType(marks, number, type, expected);
}

function wrongType(
  marks: ObjectMarks,
  number: number,
  type: ObjectType,
  expected: ObjectType,
): RepositoryError {
  const oid = marks.table.oidAt(number);
  return new RepositoryError("REPOSITORY_WRONG_TYPE", `object ${oid} is a ${type}, not a ${expected}`, {
    oid,
  });
}

import { openPackIndex, oidToBytes, type OperationOptions, type PackIndex } from "@millrace/pack";
import type { Snapshot } from "@millrace/storage";
import { type Content, readContent } from "./read-content.ts";

/** What a copy has otherwise than its source, in words; nothing where it has all of it. Objects that only the copy has are none. */
export async function findDifferences(
  source: Snapshot,
  copy: Snapshot,
  options: OperationOptions,
): Promise<readonly string[]> {
  const [wanted, found] = [await readContent(source, options), await readContent(copy, options)];
  const differences: string[] = [];
  for (const part of [
    "objectFormat",
    "head",
    "config",
    "refs",
    "symrefs",
    "shallow",
  ] satisfies (keyof Content)[]) {
    if (JSON.stringify(wanted[part]) !== JSON.stringify(found[part])) differences.push(part);
  }
  const missing = wanted.objectFormat === found.objectFormat ? await countMissing(source, copy, options) : 0;
  if (missing > 0) differences.push(`${missing} objects`);
  return differences;
}

/** How many objects of the source the copy does not have. */
async function countMissing(source: Snapshot, copy: Snapshot, options: OperationOptions): Promise<number> {
  const indexes = await readIndexes(copy, options);
  const loose = new Set<string>();
  for await (const oid of copy.listLoose(options)) loose.add(oid);
  let missing = 0;
  const raw = new Uint8Array(source.objectFormat === "sha1" ? 20 : 32);
  for (const index of await readIndexes(source, options)) {
    for (let position = 0; position < index.count; position++) {
      index.copyOid(position, raw, 0);
      if (indexes.some((each) => each.find(raw) >= 0)) continue;
      if (!loose.has(index.oidAt(position))) missing++;
    }
  }
  for await (const oid of source.listLoose(options)) {
    const bytes = oidToBytes(oid);
    if (!loose.has(oid) && !indexes.some((each) => each.find(bytes) >= 0)) missing++;
  }
  return missing;
}

async function readIndexes(view: Snapshot, options: OperationOptions): Promise<PackIndex[]> {
  const indexes: PackIndex[] = [];
  for (const { id } of await view.packs(options)) {
    const pack = await view.openPack(id, options);
    const bytes = await pack.sidecar("idx", options);
    await pack[Symbol.asyncDispose]();
    if (bytes !== undefined) indexes.push(openPackIndex(bytes, view.objectFormat));
  }
  return indexes;
}

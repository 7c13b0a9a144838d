import {
  compareTreeEntries,
  emptyTreeOid,
  encodeTree,
  isTreeMode,
  type Oid,
  parseTree,
  type TreeEntry,
} from "@millrace/pack";
import { PromisorError } from "../errors.ts";
import type { ResolveOptions } from "../promisor.ts";
import type { SharedPromisor } from "../shared-promisor.ts";
import { walkEntries } from "../tree/entry.ts";

/** What becomes of an entry: another one, or none. */
export type Placed = Pick<TreeEntry, "mode" | "oid"> | undefined;

const MODE_TREE = 0o40000;

/**
 * The tree `root` with another entry at a path; folders are made as they are needed, and go when nothing is left in them.
 * Everything beside the path stays byte for byte.
 * Throws `PROMISOR_WRONG_KIND` where the path leads through a file, and as `SharedPromisor.resolve`.
 */
export async function editTree(
  objects: SharedPromisor,
  root: Oid,
  names: readonly string[],
  place: (before: TreeEntry | undefined) => Placed,
  options: ResolveOptions,
): Promise<Oid> {
  const edited = await edit(objects, root, names, place, options);
  return edited ?? putTree(objects, []);
}

/** The id of the edited tree; `undefined` where nothing is left in it. */
async function edit(
  objects: SharedPromisor,
  tree: Oid | undefined,
  [name = "", ...below]: readonly string[],
  place: (before: TreeEntry | undefined) => Placed,
  options: ResolveOptions,
): Promise<Oid | undefined> {
  const entries = tree === undefined ? [] : await readTree(objects, tree, options);
  const bytes = Buffer.from(name);
  const before = entries.find((entry) => bytes.equals(entry.name));
  const after = below.length === 0 ? place(before) : await descend(before);
  const others = entries.filter((entry) => entry !== before);
  if (after === undefined) return others.length === 0 ? undefined : putTree(objects, others);
  return putTree(objects, [...others, { ...after, name: bytes }].sort(compareTreeEntries));

  async function descend(folder: TreeEntry | undefined): Promise<Placed> {
    if (folder !== undefined && !isTreeMode(folder.mode)) {
      throw new PromisorError("PROMISOR_WRONG_KIND", `${JSON.stringify(name)} is not a folder`);
    }
    const oid = await edit(objects, folder?.oid, below, place, options);
    return oid === undefined ? undefined : { mode: MODE_TREE, oid };
  }
}

async function readTree(objects: SharedPromisor, oid: Oid, options: ResolveOptions): Promise<TreeEntry[]> {
  // git knows the empty tree without having it.
  if (oid === emptyTreeOid(objects.format)) return [];
  const { type, content } = await objects.resolve(oid, options);
  if (type !== "tree")
    throw new PromisorError("PROMISOR_BAD_TREE", `${oid} is no tree but a ${type}`, { oid });
  walkEntries(content, objects.format, oid, () => undefined);
  return parseTree(content, objects.format);
}

function putTree(objects: SharedPromisor, entries: readonly TreeEntry[]): Oid {
  return objects.put("tree", encodeTree(entries, objects.format), { pin: true });
}

import { type Oid, oidToBytes, type PackIndex, type PackReader, parseCommit } from "@millrace/pack";
import type { ObjectView } from "@millrace/repository";

/** A pack that is about to be kept. */
export interface ArrivedPack {
  readonly index: PackIndex;
  readonly reader: PackReader;
  /** Commits that its sender says come without their parents. */
  readonly shallow: readonly Oid[];
}

/** How the shallow roots of a repository change with a pack. */
export interface ShallowChanges {
  readonly shallow: readonly Oid[];
  readonly unshallow: readonly Oid[];
}

/**
 * Which commits become shallow roots with a pack, and which are none any longer: a root is a commit that lacks a parent. The
 * sender was told nothing of what is here, so what it says is only true of the pack.
 */
export async function shallowChanges(
  pack: ArrivedPack,
  objects: ObjectView,
  roots: readonly Oid[],
): Promise<ShallowChanges> {
  const { index, reader } = pack;
  const { format } = objects;
  const parentsOf = async (oid: Oid): Promise<readonly Oid[]> => {
    const position = index.findOid(oid);
    const { type, content } =
      position < 0 ? await objects.read(oidToBytes(oid)) : await reader.read(position);
    return type === "commit" ? parseCommit(content, format).parents : [];
  };
  const lacksParent = async (oid: Oid): Promise<boolean> => {
    const elsewhere = (await parentsOf(oid)).filter((parent) => index.findOid(parent) < 0);
    return (await objects.hasEach(elsewhere)).includes(false);
  };
  const known = new Set(roots);
  const changes: { shallow: Oid[]; unshallow: Oid[] } = { shallow: [], unshallow: [] };
  for (const oid of pack.shallow) {
    if (!known.has(oid) && (await lacksParent(oid))) changes.shallow.push(oid);
  }
  // A root that was pruned is nobody's concern: it stays as it is.
  const isHere = await objects.hasEach(roots);
  for (const [i, oid] of roots.entries()) {
    if (isHere[i] === true && !(await lacksParent(oid))) changes.unshallow.push(oid);
  }
  return changes;
}

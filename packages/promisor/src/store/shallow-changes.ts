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

/** The parents of commits, by their ids. */
export type KnownParents = Map<Oid, readonly Oid[]>;

/**
 * Which commits become shallow roots with a pack, and which are none any longer: a root is a commit that lacks a parent. The
 * sender was told nothing of what is here, so what it says is only true of the pack. `known` remembers what was read.
 */
export async function shallowChanges(
  pack: ArrivedPack,
  objects: ObjectView,
  roots: readonly Oid[],
  known: KnownParents,
): Promise<ShallowChanges> {
  const { index, reader } = pack;
  const { format } = objects;
  /** `undefined` for a root that is not here any more, which is nobody's concern. */
  const parentsOf = async (oid: Oid): Promise<readonly Oid[] | undefined> => {
    let parents = known.get(oid);
    if (parents !== undefined) return parents;
    const position = index.findOid(oid);
    if (position < 0 && !(await objects.has(oidToBytes(oid)))) return undefined;
    const { type, content } =
      position < 0 ? await objects.read(oidToBytes(oid)) : await reader.read(position);
    parents = type === "commit" ? parseCommit(content, format).parents : [];
    known.set(oid, parents);
    return parents;
  };
  const lacksParent = async (parents: readonly Oid[]): Promise<boolean> => {
    const elsewhere = parents.filter((parent) => index.findOid(parent) < 0);
    return (await objects.hasEach(elsewhere)).includes(false);
  };
  const before = new Set(roots);
  const changes: { shallow: Oid[]; unshallow: Oid[] } = { shallow: [], unshallow: [] };
  for (const oid of pack.shallow) {
    if (!before.has(oid) && (await lacksParent((await parentsOf(oid)) ?? []))) changes.shallow.push(oid);
  }
  for (const oid of roots) {
    const parents = await parentsOf(oid);
    // A pack of none of its parents leaves a root as it was.
    if (parents === undefined || parents.every((parent) => index.findOid(parent) < 0)) continue;
    if (!(await lacksParent(parents))) changes.unshallow.push(oid);
  }
  return changes;
}

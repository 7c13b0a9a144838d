import type { Oid } from "@millrace/pack";
import {
  type PackedRefs,
  type RefRejection,
  type RefUpdate,
  refParents,
  refuse,
  refuseDirectory,
  refuseElsewhere,
  refuseOld,
} from "@millrace/storage";
import { removeEmptyTree } from "../files/directories.ts";
import type { LockFile } from "../files/lock-file.ts";
import { inBatches } from "../files/in-batches.ts";
import type { FsRepository } from "../fs-repository.ts";
import { refPath } from "../place.ts";
import { type FoundRef, followSymref } from "./loose-ref.ts";
import { type RefsRead, readRefs } from "./read-refs.ts";

/** One update on its way through a commit. */
export interface RefChange {
  readonly update: RefUpdate;
  /** The ref that moves: `update.name`, or where that one points to. */
  readonly target: string;
  /** The change of the same ref that this one repeats, by way of a symbolic ref. */
  readonly follows?: RefChange | undefined;
  /** Every name by which the commit moves the ref. */
  readonly names: string[];
  lock?: LockFile | undefined;
  refusal?: RefRejection | undefined;
  /** What the ref was under the lock; `null` where it was absent or broken. */
  current: Oid | null;
  /** Whether there was anything, be it broken. */
  present: boolean;
  /** Whether it had a file. */
  loose: boolean;
}

/** Finds out which refs the updates move. */
export async function planChanges(
  repository: FsRepository,
  updates: readonly RefUpdate[],
  refusals: readonly (RefRejection | undefined)[],
): Promise<RefChange[]> {
  const byTarget = new Map<string, RefChange>();
  const changes: RefChange[] = [];
  const asked = updates.filter((_, index) => refusals[index] === undefined).map(({ name }) => name);
  const refs = await readRefs(repository, asked);
  for (const [index, update] of updates.entries()) {
    const { name } = update;
    let refusal = refusals[index];
    const end = refusal === undefined ? await followSymref(repository, name, refs.find(name)) : undefined;
    if (refusal === undefined && end === undefined) {
      refusal = refuse(name, "REF_CONFLICT", "symbolic refs turn in a circle");
    }
    const target = end?.target ?? name;
    const follows = refusal === undefined ? byTarget.get(target) : undefined;
    if (follows !== undefined && follows.update.new !== update.new) {
      refusal = refuseElsewhere(name, target);
    }
    const change: RefChange = {
      update,
      target,
      follows,
      refusal,
      names: [name],
      current: null,
      present: false,
      loose: false,
    };
    if (refusal === undefined) follows?.names.push(name);
    if (refusal === undefined && follows === undefined) byTarget.set(target, change);
    changes.push(change);
  }
  return changes;
}

/** Splits changes into runs, in order, none of which holds two refs that cannot exist beside each other. */
export function separateRelated(changes: readonly RefChange[]): RefChange[][] {
  const groups: RefChange[][] = [];
  let targets = new Set<string>();
  let parents = new Set<string>();
  for (const change of changes) {
    const own = refParents(change.target);
    const related = parents.has(change.target) || own.some((name) => targets.has(name));
    if (groups.length === 0 || related) {
      groups.push([]);
      targets = new Set();
      parents = new Set();
    }
    groups.at(-1)?.push(change);
    targets.add(change.target);
    for (const name of own) parents.add(name);
  }
  return groups;
}

/** Judges refs under their locks and refuses the changes where they are not as expected, or cannot be made. */
export async function verifyChanges(repository: FsRepository, changes: readonly RefChange[]): Promise<void> {
  const targets = changes.map((change) => change.target);
  const refs = await readRefs(repository, targets);
  await inBatches(changes, (change) => verifyChange(repository, change, refs));
}

async function verifyChange(repository: FsRepository, change: RefChange, refs: RefsRead): Promise<void> {
  const { update, target } = change;
  const { name, old } = update;
  const found = refs.find(target);
  change.present = found !== undefined;
  change.loose = refs.isLoose(target);
  if (found !== undefined && found.raw !== "broken") {
    if (found.raw.symref !== undefined) {
      change.refusal = refuse(name, "REF_CONFLICT", `has become symbolic: ${target}`);
      return;
    }
    change.current = found.raw.oid;
  }
  if (found?.raw === "broken" && old !== undefined) {
    change.refusal = refuse(name, "REF_CONFLICT", "is broken");
  } else if (old !== undefined && old !== change.current) {
    change.refusal = refuseOld(name, old, change.current);
  } else if (update.new !== null) {
    // Where a file is there can be no directory.
    const conflict = change.loose ? undefined : await findConflict(repository, target, found, refs.packed);
    if (conflict !== undefined) change.refusal = refuseDirectory(name, conflict);
  }
}

/** The ref, or the lock of one, that keeps `target` from being made; removes empty directories in its place. */
export async function findConflict(
  repository: FsRepository,
  target: string,
  found: FoundRef | undefined,
  packed: PackedRefs | undefined,
): Promise<string | undefined> {
  // Empty directories in the way are what refs left that are gone.
  const inTheWay = await removeEmptyTree(refPath(repository.place, target));
  if (inTheWay !== undefined) return `${target}/${inTheWay.replace(/\.lock$/, "")}`;
  if (found !== undefined || packed === undefined) return undefined;
  const parent = refParents(target).find((name) => packed.find(name) !== undefined);
  if (parent !== undefined) return parent;
  for (const child of packed.entries(`${target}/`)) return child.name;
  return undefined;
}

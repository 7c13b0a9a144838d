import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import {
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
import { type FsRepository, readPackedRefs } from "../fs-repository.ts";
import { followSymref, readRawRef } from "./loose-ref.ts";

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
}

/** Finds out which refs the updates move. */
export async function planChanges(
  repository: FsRepository,
  updates: readonly RefUpdate[],
  refusals: readonly (RefRejection | undefined)[],
): Promise<RefChange[]> {
  const byTarget = new Map<string, RefChange>();
  const changes: RefChange[] = [];
  for (const [index, update] of updates.entries()) {
    const { name } = update;
    let refusal = refusals[index];
    const end =
      refusal === undefined
        ? await followSymref(repository, name, await readRawRef(repository, name))
        : undefined;
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
    };
    if (refusal === undefined) follows?.names.push(name);
    if (refusal === undefined && follows === undefined) byTarget.set(target, change);
    changes.push(change);
  }
  return changes;
}

/** Refuses changes whose refs cannot exist beside each other; deletions count, as in git. */
export function refuseRelated(changes: readonly RefChange[]): void {
  const targets = new Set(changes.map((change) => change.target));
  for (const change of changes) {
    const parent = refParents(change.target).find((name) => targets.has(name));
    if (parent !== undefined) change.refusal ??= refuseDirectory(change.update.name, parent);
  }
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

/** Reads the ref under its lock and refuses the change where it is not as expected, or cannot be made. */
export async function verifyChange(repository: FsRepository, change: RefChange): Promise<void> {
  const { update, target } = change;
  const { name, old } = update;
  const found = await readRawRef(repository, target);
  change.present = found !== undefined;
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
    const conflict = await findConflict(repository, target, change.present);
    if (conflict !== undefined) change.refusal = refuseDirectory(name, conflict);
  }
}

/** The ref, or the lock of one, that keeps `target` from being made; removes empty directories in its place. */
export async function findConflict(
  repository: FsRepository,
  target: string,
  present: boolean,
): Promise<string | undefined> {
  // Empty directories in the way are what refs left that are gone.
  const inTheWay = await removeEmptyTree(join(repository.place.commonDir, target));
  if (inTheWay !== undefined) return `${target}/${inTheWay.replace(/\.lock$/, "")}`;
  const packed = present ? undefined : await readPackedRefs(repository);
  if (packed === undefined) return undefined;
  const parent = refParents(target).find((name) => packed.find(name) !== undefined);
  if (parent !== undefined) return parent;
  for (const child of packed.entries(`${target}/`)) return child.name;
  return undefined;
}

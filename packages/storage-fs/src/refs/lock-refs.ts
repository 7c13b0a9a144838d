import { join } from "node:path";
import { compareNames, refuseOld } from "@millrace/storage";
import { errnoOf } from "../files/fault.ts";
import { inBatches } from "../files/in-batches.ts";
import { type LockFile, type LockMaking, tryLock } from "../files/lock-file.ts";
import type { FsRepository } from "../fs-repository.ts";
import { refBase } from "../place.ts";
import { findLockedParent, lockRef, pruneAbove } from "./lock-ref.ts";
import type { RefChange } from "./ref-change.ts";

/** How the locks of a commit are taken. */
export interface LockRefsOptions extends LockMaking {
  /** Whether the first refusal ends it. */
  readonly atomic: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Locks that are tried for together. */
const WINDOW = 16;

/**
 * Takes the locks of all changes, with the new values written, in the order of names: whoever waits for one holds only
 * locks of names before it, so that commits which share refs do not wait for each other in a circle. Free locks are
 * taken several at a time; where one is held by another writer, those behind it are let go before it is waited for.
 */
export async function lockRefs(
  repository: FsRepository,
  changes: readonly RefChange[],
  { atomic, signal, ...making }: LockRefsOptions,
): Promise<void> {
  const ordered = [...changes].sort((a, b) => compareNames(a.target, b.target));
  for (let from = 0; from < ordered.length; ) {
    signal?.throwIfAborted();
    const window = ordered.slice(from, from + WINDOW);
    const taken = await tryWindow(repository, window, making);
    from += taken;
    if (taken === window.length) continue;
    const change = window[taken] as RefChange;
    from++;
    await lockWaiting(repository, change, { ...making, atomic, signal });
    if (atomic && change.refusal !== undefined) return;
  }
}

/** Tries for each lock once; keeps those before the first that could not be had, and tells how many these are. */
async function tryWindow(
  repository: FsRepository,
  window: readonly RefChange[],
  making: LockMaking,
): Promise<number> {
  const { place, settings } = repository;
  const locks = new Map<RefChange, LockFile>();
  await inBatches(window, async (change) => {
    const path = join(refBase(place, change.target), change.target);
    try {
      const lock = await tryLock(path, { ...making, content: contentOf(change), sync: settings.fsync });
      // Whatever comes of the others, this one is released with the commit.
      if (lock !== undefined) locks.set(change, lock);
      change.lock = lock;
    } catch (error) {
      // Told again, and judged, when it is tried for alone.
      if (errnoOf(error) === undefined) throw error;
    }
  });
  const parents = new Map<string, boolean>();
  let taken = 0;
  for (const change of window) {
    if (!locks.has(change)) break;
    if ((await findLockedParent(refBase(place, change.target), change.target, parents)) !== undefined) break;
    taken++;
  }
  await releaseChanges(repository, window.slice(taken));
  return taken;
}

async function lockWaiting(
  repository: FsRepository,
  change: RefChange,
  { modes, notes, signal }: LockRefsOptions,
): Promise<void> {
  const options = { modes, notes, signal, content: contentOf(change) };
  const { lock, refusal, blocked } = await lockRef(repository, change.target, options);
  change.lock = lock;
  if (refusal === undefined) return;
  const { name, old, new: next } = change.update;
  // Below a ref there is none: nothing to expect, and nothing to delete.
  if (blocked === true && typeof old === "string") change.refusal = refuseOld(name, old, null);
  else if (blocked !== true || next !== null) change.refusal = { ...refusal, name };
}

function contentOf({ update }: RefChange): string {
  return update.new === null ? "" : `${update.new}\n`;
}

/** Releases the locks that these changes still hold, and removes directories that are empty then, each looked at once. */
export async function releaseChanges(repository: FsRepository, changes: readonly RefChange[]): Promise<void> {
  const emptied = new Map<string, string>();
  const failures: unknown[] = [];
  await inBatches(changes, async (change) => {
    try {
      if ((await change.lock?.release()) === true)
        emptied.set(change.target.slice(0, change.target.lastIndexOf("/")), change.target);
    } catch (error) {
      failures.push(error);
    }
    change.lock = undefined;
  });
  for (const name of emptied.values()) await pruneAbove(repository, name);
  if (failures.length > 0) throw failures[0];
}

import { unlink } from "node:fs/promises";
import type { OperationOptions } from "@millrace/pack";
import {
  type CommitRequest,
  type CommitResult,
  type RefRejection,
  refuse,
  refuseDirectory,
  refuseRelated,
  type Snapshot,
  screenUpdates,
  StorageError,
} from "@millrace/storage";
import { errnoOf, ifPresent } from "../files/fault.ts";
import { createBackoff, LockTimeoutError } from "../files/lock-file.ts";
import { removeEmptyTree } from "../files/directories.ts";
import { inBatches } from "../files/in-batches.ts";
import type { FsRepository } from "../fs-repository.ts";
import { refPath } from "../place.ts";
import { followBranch } from "./follow-branch.ts";
import { lockRefs, releaseChanges } from "./lock-refs.ts";
import { readRawHead } from "./loose-ref.ts";
import { type PackedRewrite, preparePackedDeletion } from "./packed-rewrite.ts";
import { planChanges, type RefChange, separateRelated, verifyChanges } from "./ref-change.ts";
import { openReflog, type Reflog } from "./reflog.ts";
import { lockShallow, type ShallowLock } from "../shallow-file.ts";
import { lockSymrefs, type SymrefLocks } from "./set-symrefs.ts";

/** What a commit of refs needs from the store around it. */
export interface RefCommitOptions extends OperationOptions {
  readonly repository: FsRepository;
  readonly request: CommitRequest;
  /** A view of the repository as it is now. */
  readonly view: () => Promise<Snapshot>;
  /** Directories of objects that are to become visible. */
  readonly quarantines: readonly string[];
  /** Makes the packs visible; called once, when at least one ref is about to move or none was asked for. */
  readonly land: () => Promise<void>;
}

/**
 * Moves refs under git's lock files: all are locked and verified before the first one moves. An atomic commit is one
 * such step; else refs that cannot exist beside each other go one after another, in the order asked.
 */
export async function commitRefs(options: RefCommitOptions): Promise<CommitResult> {
  const { repository, request } = options;
  const updates = request.refs ?? [];
  const atomic = request.atomic === true;
  const progress: Progress = { moved: 0, landed: false };
  const changes = await planChanges(repository, updates, screenUpdates(request, repository.objectFormat));
  const own = changes.filter((change) => change.follows === undefined && change.refusal === undefined);
  if (atomic) {
    const related = refuseRelated(own);
    for (const change of own) change.refusal ??= related.get(change.target);
    if (changes.every((change) => change.refusal === undefined)) await commitGroup(options, own, progress);
  } else {
    for (const group of separateRelated(own)) await commitGroup(options, group, progress);
  }
  if (updates.length === 0) await commitGroup(options, [], progress);
  for (const change of changes) {
    const first = change.follows?.refusal;
    if (first !== undefined) change.refusal ??= { ...first, name: change.update.name };
  }
  if (atomic && changes.some((change) => change.refusal !== undefined)) abortRest(changes);
  const { add = [], symrefs = [], shallow = [], unshallow = [] } = request;
  const changed = add.length + symrefs.length + shallow.length + unshallow.length > 0;
  return {
    refs: changes.map((change) => change.refusal),
    committed: updates.length === 0 ? changed : progress.moved > 0,
  };
}

interface Progress {
  moved: number;
  landed: boolean;
}

/** Locks, verifies and moves refs that can all exist beside each other. */
async function commitGroup(options: RefCommitOptions, group: RefChange[], progress: Progress): Promise<void> {
  const { repository, request, signal } = options;
  const atomic = request.atomic === true;
  let symrefs: SymrefLocks | undefined;
  let shallow: ShallowLock | undefined;
  let packed: PackedRewrite | undefined;
  const live = (): RefChange[] => group.filter((change) => change.refusal === undefined);
  const stopped = (): boolean => atomic && live().length < group.length;
  try {
    await lockRefs(repository, group, { ...(await repository.locks()), atomic, signal });
    if (stopped()) return;
    await verifyChanges(
      repository,
      live().filter((change) => change.lock),
    );
    if (stopped()) return;
    deny(group, request.check === undefined ? [] : await request.check(await options.view()));
    if (stopped()) return;

    const effective = (): RefChange[] =>
      live().filter((change) => change.update.new !== null || change.present);
    if (effective().length === 0 && group.length > 0) return;
    signal?.throwIfAborted();
    // No working tree follows into nothing: refused before what rewrites packed-refs.
    for (const change of effective()) {
      if (change.update.new === null) await followBranch(repository, change, options);
    }
    if (stopped()) return;
    const deleted = effective().filter((change) => change.update.new === null);
    if (deleted.length > 0) {
      const names = deleted.map((change) => change.target);
      packed = await orRefuse(deleted, () => preparePackedDeletion(repository, names, signal));
    }
    if (!progress.landed) {
      symrefs = await orRefuse(live(), () => lockSymrefs(repository, request.symrefs ?? [], signal));
      shallow = await orRefuse(live(), () => lockShallow(repository, request, signal));
    }
    if (stopped() || (effective().length === 0 && group.length > 0)) return;
    signal?.throwIfAborted();

    const reflog = await openReflog(repository);
    const head = await readRawHead(repository);
    const headTarget = head === undefined || head === "broken" ? undefined : head.symref;

    for (const change of effective()) {
      if (change.update.new !== null) await followBranch(repository, change, options);
    }
    if (stopped() || (effective().length === 0 && group.length > 0)) return;

    // From here on nothing is taken back.
    if (!progress.landed) await options.land();
    progress.landed = true;
    // Before the refs that need them: readers look at refs first.
    await shallow?.commit();
    await moveAll(options, { changes: effective(), packed, symrefs, reflog, headTarget }, progress);
  } finally {
    await releaseAll([
      () => packed?.release(),
      () => symrefs?.release(),
      () => shallow?.release(),
      () => releaseChanges(repository, group),
    ]);
  }
}

function deny(group: readonly RefChange[], denied: readonly RefRejection[]): void {
  const byName = new Map(denied.map((refusal) => [refusal.name, refusal]));
  for (const change of group) {
    const name = change.names.find((candidate) => byName.has(candidate));
    if (name !== undefined)
      change.refusal ??= { ...(byName.get(name) as RefRejection), name: change.update.name };
  }
}

/** What `take` gives; where a lock cannot be had, refuses these changes and gives nothing. */
async function orRefuse<T>(changes: readonly RefChange[], take: () => Promise<T>): Promise<T | undefined> {
  try {
    return await take();
  } catch (error) {
    if (!(error instanceof LockTimeoutError)) throw error;
    if (changes.length === 0)
      throw new StorageError("STORAGE_IO", error.message, { cause: error, key: error.lockPath });
    for (const change of changes) change.refusal ??= refuse(change.update.name, "REF_LOCKED", error.message);
    return undefined;
  }
}

/** Everything that is ready to move. */
interface PreparedMoves {
  readonly changes: readonly RefChange[];
  readonly packed: PackedRewrite | undefined;
  readonly symrefs: SymrefLocks | undefined;
  readonly reflog: Reflog;
  /** The ref whose moves HEAD's log tells too. */
  readonly headTarget: string | undefined;
}

async function moveAll(
  { repository, request }: RefCommitOptions,
  { changes, packed, symrefs, reflog, headTarget }: PreparedMoves,
  progress: Progress,
): Promise<void> {
  const { place } = repository;
  const { identity, message } = request;
  const logMove = async (names: readonly string[], { current, update }: RefChange): Promise<void> => {
    for (const name of names) await reflog.append(name, { old: current, new: update.new, identity, message });
  };
  try {
    await inBatches(changes, async (change) => {
      const { target, update, current } = change;
      if (update.new === null) return;
      if (update.new !== current) {
        await logMove([target, ...logsBeside(change, headTarget)], change);
        if (!(await moveIntoPlace(repository, change))) return;
      }
      progress.moved++;
    });
    await symrefs?.commit();
    await packed?.commit();
    const deleted = changes.filter(({ update }) => update.new === null);
    await inBatches(deleted, async (change) => {
      await logMove(logsBeside(change, headTarget), change);
      if (change.loose) await ifPresent(unlink(refPath(place, change.target)));
      progress.moved++;
    });
    await packed?.release();
    await inBatches(deleted, ({ target }) => reflog.remove(target));
  } catch (error) {
    if (progress.moved === 0) throw error;
    throw new StorageError("STORAGE_OUTCOME_UNKNOWN", "failed after some refs had moved", { cause: error });
  }
}

/** The other logs that tell of a change: those of the symbolic refs it was asked by, and HEAD's where HEAD names one of its refs. */
function logsBeside({ target, names }: RefChange, headTarget: string | undefined): readonly string[] {
  const beside = names.filter((name) => name !== target);
  const isHead = headTarget !== undefined && (headTarget === target || names.includes(headTarget));
  return isHead ? [...beside, "HEAD"] : beside;
}

/** Puts the lock in the ref's place. Directories that other writers make there meanwhile are empty soon. */
async function moveIntoPlace(repository: FsRepository, change: RefChange): Promise<boolean> {
  const { lock, target, update } = change;
  const backoff = createBackoff({ timeoutMs: repository.settings.lockTimeoutMs, operation: "move_ref" });
  for (;;) {
    try {
      await lock?.commit();
      return true;
    } catch (error) {
      if (!["EISDIR", "ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "")) throw error;
      const inTheWay = await removeEmptyTree(refPath(repository.place, target));
      if (inTheWay === undefined || (inTheWay.endsWith(".lock") && (await backoff.wait()))) continue;
      change.refusal = refuseDirectory(update.name, `${target}/${inTheWay}`);
      return false;
    }
  }
}

function abortRest(changes: readonly RefChange[]): void {
  for (const change of changes) {
    change.refusal ??= refuse(
      change.update.name,
      "REF_ATOMIC_ABORTED",
      "another ref of this atomic commit was refused",
    );
  }
}

/** Runs all of them, and then throws what the first one that failed has thrown. */
async function releaseAll(releases: readonly (() => Promise<unknown> | undefined)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const release of releases) {
    try {
      await release();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

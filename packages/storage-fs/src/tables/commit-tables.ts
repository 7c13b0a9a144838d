import { unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import {
  type CommitRequest,
  type CommitResult,
  planRefs,
  type RefPlan,
  type RefRejection,
  type RefTable,
  refuse,
  resolveRefName,
  screenUpdates,
  StorageError,
  type StoredRef,
} from "@millrace/storage";
import { keyOfName, type RefRecords, type TableRef } from "@millrace/storage/reftable";
import { ifPresent } from "../files/fault.ts";
import { acquireLock, type LockFile, LockTimeoutError } from "../files/lock-file.ts";
import type { FsRepository } from "../fs-repository.ts";
import { peelTags } from "../objects/peel-tags.ts";
import { isPerWorktree } from "../place.ts";
import type { RefCommitOptions } from "../refs/commit-refs.ts";
import { followBranch } from "../refs/follow-branch.ts";
import type { RefChange } from "../refs/ref-change.ts";
import { lockShallow } from "../shallow-file.ts";
import { compactStack } from "./compact-stack.ts";
import { type CommitLogs, collectLogs } from "./log-moves.ts";
import { type OpenStack, tableListPath } from "./table-files.ts";
import { viewRefs } from "./view-refs.ts";
import { readTableLayout, writeTableFile } from "./write-table-file.ts";

/** What a ref takes in a block besides its name: the table's header, the block's ends, ids and lengths. */
const REF_BYTES = 128;

/**
 * Moves refs by one new table on top of the stack, under the lock of the list of tables as git takes it: all of a
 * commit's refs are judged on one view and move in one step.
 */
export async function commitTables(options: RefCommitOptions): Promise<CommitResult> {
  const { repository, request } = options;
  const updates = request.refs ?? [];
  // Before anything is locked: it may throw.
  screenUpdates(request, repository.objectFormat);
  const locked: LockedStack[] = [];
  let result: CommitResult;
  try {
    try {
      // The common stack first: everybody takes them in this order.
      for (const gitDir of new Set([repository.place.commonDir, repository.place.gitDir])) {
        locked.push(await lockStack(options, gitDir));
      }
    } catch (error) {
      if (!(error instanceof LockTimeoutError)) throw error;
      return refuseLocked(updates, error);
    }
    result = await commitLocked(options, locked);
  } finally {
    for (const stack of locked.toReversed()) await stack.release();
  }
  if (result.committed) for (const { gitDir } of locked) await compactStack(repository, gitDir);
  return result;
}

function refuseLocked(updates: NonNullable<CommitRequest["refs"]>, error: LockTimeoutError): CommitResult {
  if (updates.length === 0) {
    throw new StorageError("STORAGE_IO", error.message, { cause: error, key: error.lockPath });
  }
  const refs = updates.map(({ name }) => refuse(name, "REF_LOCKED", error.message));
  return { refs, committed: false };
}

/** A stack that nobody else changes. */
interface LockedStack {
  readonly gitDir: string;
  readonly stack: OpenStack;
  readonly records: RefRecords;
  readonly lock: LockFile;
  readonly nextIndex: number;
  release(): Promise<void>;
}

async function lockStack({ repository, signal }: RefCommitOptions, gitDir: string): Promise<LockedStack> {
  const { lockTimeoutMs: timeoutMs } = repository.settings;
  const making = await repository.locks();
  const lock = await acquireLock(tableListPath(gitDir), {
    timeoutMs,
    operation: "lock_tables",
    signal,
    ...making,
  });
  try {
    const stack = await repository.tables.open(gitDir);
    if (stack === undefined) {
      throw new StorageError("STORAGE_NOT_FOUND", `no ref tables: ${gitDir}`, { key: gitDir });
    }
    const last = stack.tables.at(-1)?.table.maxUpdateIndex ?? 0;
    return {
      gitDir,
      stack,
      records: stack.merged,
      lock,
      nextIndex: last + 1,
      async release() {
        await stack[Symbol.asyncDispose]();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function commitLocked(
  options: RefCommitOptions,
  locked: readonly LockedStack[],
): Promise<CommitResult> {
  const { repository, request, signal } = options;
  const updates = request.refs ?? [];
  const common = locked[0] as LockedStack;
  const own = locked.at(-1) as LockedStack;
  const stackOf = (name: string): LockedStack => (isPerWorktree(name) ? own : common);
  const recordsOf = (name: string): RefRecords => stackOf(name).records;
  const { blockBytes } = readTableLayout(await repository.config());

  const table = await viewRefs(request, recordsOf);
  const denied: RefRejection[] = updates
    .filter(({ name }) => keyOfName(name).length > blockBytes - REF_BYTES)
    .map(({ name }) => refuse(name, "REF_NAME_INVALID", "too long for a block of a ref table"));
  const judge = (): RefPlan => {
    const refs = updates.map((update) => ({ ...update, updateWorkTree: false }));
    return planRefs(table, { ...request, refs }, repository.objectFormat, denied);
  };
  if (judge().commits && request.check !== undefined)
    denied.push(...(await request.check(await options.view())));
  await followBranches(options, judge, denied);
  signal?.throwIfAborted();
  const plan = judge();
  if (!plan.commits) return { refs: plan.outcomes, committed: false };
  const { add = [], symrefs = [], shallow: roots = [], unshallow = [] } = request;

  let shallow: Awaited<ReturnType<typeof lockShallow>>;
  try {
    shallow = await lockShallow(repository, request, signal);
  } catch (error) {
    if (!(error instanceof LockTimeoutError)) throw error;
    return refuseLocked(updates, error);
  }
  try {
    // From here on nothing is taken back.
    await options.land();
    // Before the refs that need them: readers look at refs first.
    await shallow?.commit();
  } finally {
    await shallow?.release();
  }
  const logs = await collectLogs({
    repository,
    identity: request.identity,
    message: request.message,
    stackOf: recordsOf,
    updateIndexOf: (records) => (records === own.records ? own : common).nextIndex,
    blockBytes,
  });
  await logMoves({ request, table, plan, logs, head: await own.records.find("HEAD") });
  await append(repository, locked, await recordsFor(repository, table, plan), { stackOf, logs });
  const changed = add.length + symrefs.length + roots.length + unshallow.length > 0;
  return { refs: plan.outcomes, committed: updates.length === 0 ? changed : true };
}

/** Has working trees follow what is about to move; adds to `denied` what cannot. Deletions first, as they move nothing. */
async function followBranches(
  options: RefCommitOptions,
  judge: () => RefPlan,
  denied: RefRejection[],
): Promise<void> {
  const updates = options.request.refs ?? [];
  const asked = updates
    .map((update, index) => ({ update, index }))
    .filter(({ update }) => update.updateWorkTree === true)
    .sort((a, b) => Number(b.update.new === null) - Number(a.update.new === null));
  for (const { update, index } of asked) {
    if (judge().outcomes[index] !== undefined) continue;
    const change: Pick<RefChange, "update" | "refusal"> = { update };
    await followBranch(options.repository, change, options);
    if (change.refusal !== undefined) denied.push(change.refusal);
  }
}

interface LoggedMoves {
  readonly request: CommitRequest;
  readonly table: RefTable;
  readonly plan: RefPlan;
  readonly logs: CommitLogs;
  readonly head: TableRef | undefined;
}

/** Tells the logs of what moves: the ref's own, those of symbolic refs it was asked by, and HEAD's where HEAD names it. */
async function logMoves({ request, table, plan, logs, head }: LoggedMoves): Promise<void> {
  const names = new Map<string, Set<string>>();
  for (const [index, { name }] of (request.refs ?? []).entries()) {
    if (plan.outcomes[index] !== undefined) continue;
    const target = resolveRefName(name, table.get);
    if (target === undefined) continue;
    names.set(target, (names.get(target) ?? new Set()).add(name));
  }
  for (const [target, asked] of names) {
    const next = plan.changes.get(target);
    if (next === undefined || next?.symref !== undefined) continue;
    const old = oidOf(table.get(target));
    const id = oidOf(next ?? undefined);
    if (id === old && id !== null) continue;
    const beside = [...asked].filter((name) => name !== target);
    const isHead =
      head?.symref !== undefined && [target, ...asked].some((name) => keyOfName(name) === head.symref);
    if (isHead) beside.push("HEAD");
    if (old !== null || id !== null) for (const name of beside) await logs.move(name, old, id);
    if (id === null) await logs.remove(target);
    else await logs.move(target, old, id);
  }
}

function oidOf(stored: StoredRef | undefined): Oid | null {
  return stored?.symref === undefined ? (stored?.oid ?? null) : null;
}

/** What the new tables say, without what is as it was. Branches hold no tags; of everything else it is looked up. */
async function recordsFor(repository: FsRepository, table: RefTable, plan: RefPlan): Promise<TableRef[]> {
  const changes = [...plan.changes].filter(([name, next]) => {
    const before = table.get(name);
    if (next === null || before === undefined) return next !== null || before !== undefined;
    return oidOf(before) !== oidOf(next) || before.symref !== next.symref;
  });
  const oids = changes.flatMap(([name, next]) => {
    return name.startsWith("refs/heads/") ? [] : (oidOf(next ?? undefined) ?? []);
  });
  const peeled = oids.length === 0 ? undefined : await peelTags(repository, [...new Set(oids)]);
  return changes.map(([name, next]) => {
    const oid = oidOf(next ?? undefined) ?? undefined;
    const target = next?.symref;
    return {
      key: keyOfName(name),
      updateIndex: 0,
      oid,
      peeled: oid === undefined ? undefined : peeled?.get(oid),
      symref: target === undefined ? undefined : keyOfName(target),
    };
  });
}

interface Appended {
  readonly stackOf: (name: string) => LockedStack;
  readonly logs: CommitLogs;
}

/** Writes a table for each stack that has something new, and only then puts them into the lists. */
async function append(
  repository: FsRepository,
  locked: readonly LockedStack[],
  records: readonly TableRef[],
  { stackOf, logs }: Appended,
): Promise<void> {
  const written: { readonly locked: LockedStack; readonly path: string }[] = [];
  let moved = 0;
  try {
    for (const each of locked) {
      const refs = records
        .filter((ref) => stackOf(ref.key) === each)
        .sort((a, b) => (a.key < b.key ? -1 : 1));
      const ownLogs = logs.of(each.records);
      if (refs.length + ownLogs.length === 0) continue;
      const index = each.nextIndex;
      const range = { minUpdateIndex: index, maxUpdateIndex: index };
      const name = await writeTableFile(repository, each.gitDir, range, (writer) => {
        for (const ref of refs) writer.addRef({ ...ref, updateIndex: index });
        for (const log of ownLogs) writer.addLog(log);
        return refs.length + ownLogs.length;
      });
      if (name === undefined) continue;
      written.push({ locked: each, path: join(each.gitDir, "reftable", name) });
      const names = [...each.stack.tables.map((table) => table.name), name];
      await each.lock.write(`${names.join("\n")}\n`, repository.settings.fsync);
    }
    for (const each of written) {
      await each.locked.lock.commit();
      moved++;
    }
  } catch (error) {
    for (const { path } of written.slice(moved)) await ifPresent(unlink(path));
    if (moved === 0) throw error;
    throw new StorageError("STORAGE_OUTCOME_UNKNOWN", "failed after some refs had moved", { cause: error });
  }
}

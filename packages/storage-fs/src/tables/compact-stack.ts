import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { integerValue, StorageError } from "@millrace/storage";
import { mergeTables } from "@millrace/storage/reftable";
import { errnoOf, ifPresent } from "../files/fault.ts";
import { acquireLock, type LockFile, LockTimeoutError, tryLock } from "../files/lock-file.ts";
import type { FsRepository } from "../fs-repository.ts";
import { type OpenStack, type StackTable, tableListPath } from "./table-files.ts";
import { writeTableFile } from "./write-table-file.ts";

/** Records after which what is written goes to the disk. */
const FLUSH_BATCHES = 8;

/**
 * Merges tables until each is at least twice as large as the ones above it together, as git does after each of its own
 * commits. The list is locked to pick the tables and to replace them, not in between; who comes in the way is left
 * alone, and whatever fails is left to the next commit.
 */
export async function compactStack(repository: FsRepository, gitDir: string): Promise<void> {
  try {
    const picked = await pickTables(repository, gitDir);
    if (picked !== undefined) await compactPicked(repository, gitDir, picked);
  } catch (error) {
    // The refs have moved, which is all that was asked for.
    const isBusy = error instanceof LockTimeoutError || error instanceof StorageError;
    if (!isBusy && errnoOf(error) === undefined) throw error;
  }
}

/** Neighbouring tables, locked. */
interface PickedTables {
  readonly stack: OpenStack;
  readonly tables: readonly StackTable[];
  /** They are the oldest: nothing lies below that a deletion would have to hide. */
  readonly isBottom: boolean;
  readonly locks: readonly LockFile[];
}

async function pickTables(repository: FsRepository, gitDir: string): Promise<PickedTables | undefined> {
  const making = await repository.locks();
  const list = await tryLock(tableListPath(gitDir), making);
  if (list === undefined) return undefined;
  const locks: LockFile[] = [];
  let stack: OpenStack | undefined;
  let picked: PickedTables | undefined;
  try {
    stack = await repository.tables.open(gitDir);
    if (stack === undefined) return undefined;
    const factor = integerValue(await repository.config(), "reftable.geometricfactor") ?? 2;
    const overhead = (repository.objectFormat === "sha1" ? 24 : 28) - 1;
    const sizes = stack.tables.map(({ table }) => table.sizeBytes - overhead);
    const segment = suggestSegment(sizes, factor);
    if (segment === undefined) return undefined;
    let { start } = segment;
    // From the newest down: who is compacting older ones keeps nobody from compacting those above.
    for (let i = segment.end - 1; i >= start; i--) {
      const { name } = stack.tables[i] as StackTable;
      const lock = await tryLock(join(gitDir, "reftable", name), { ...making, content: "" });
      if (lock === undefined) start = i + 1;
      else locks.push(lock);
    }
    const tables = stack.tables.slice(start, segment.end);
    if (tables.length < 2) return undefined;
    picked = { stack, tables, isBottom: start === 0, locks };
    return picked;
  } finally {
    await list.release();
    if (picked === undefined) {
      await stack?.[Symbol.asyncDispose]();
      for (const lock of locks) await lock.release();
    }
  }
}

async function compactPicked(
  repository: FsRepository,
  gitDir: string,
  { stack, tables, isBottom, locks }: PickedTables,
): Promise<void> {
  let made: string | undefined;
  let list: LockFile | undefined;
  try {
    const merged = mergeTables(
      tables.map(({ table }) => table),
      { keepDeletions: !isBottom },
    );
    const { minUpdateIndex, maxUpdateIndex } = merged;
    made = await writeTableFile(
      repository,
      gitDir,
      { minUpdateIndex, maxUpdateIndex },
      async (writer, flush) => {
        let count = 0;
        let batches = 0;
        for await (const batch of merged.refs()) {
          for (const ref of batch) writer.addRef(ref);
          count += batch.length;
          if (++batches % FLUSH_BATCHES === 0) await flush();
        }
        for await (const batch of merged.logs()) {
          for (const log of batch) writer.addLog(log);
          count += batch.length;
          if (++batches % FLUSH_BATCHES === 0) await flush();
        }
        return count;
      },
    );
    const { lockTimeoutMs: timeoutMs, fsync } = repository.settings;
    const making = await repository.locks();
    list = await acquireLock(tableListPath(gitDir), { timeoutMs, operation: "lock_tables", ...making });
    const names = await replaceNames(repository, gitDir, tables, made);
    if (names === undefined) return;
    await list.write(names.map((name) => `${name}\n`).join(""), fsync);
    await list.commit();
    made = undefined;
    for (const { name } of tables) await ifPresent(unlink(join(gitDir, "reftable", name)));
  } finally {
    if (made !== undefined) await ifPresent(unlink(join(gitDir, "reftable", made)));
    await list?.release();
    for (const lock of locks) await lock.release();
    await stack[Symbol.asyncDispose]();
  }
}

/** The list as it is now with `made` in place of these tables; `undefined` where they are not all in it any more. */
async function replaceNames(
  repository: FsRepository,
  gitDir: string,
  tables: readonly StackTable[],
  made: string | undefined,
): Promise<string[] | undefined> {
  const now = await repository.tables.open(gitDir);
  if (now === undefined) return undefined;
  const names = now.tables.map(({ name }) => name);
  await now[Symbol.asyncDispose]();
  const at = names.indexOf((tables[0] as StackTable).name);
  if (at < 0 || tables.some(({ name }, i) => names[at + i] !== name)) return undefined;
  names.splice(at, tables.length, ...(made === undefined ? [] : [made]));
  return names;
}

/**
 * The tables to merge so that sizes, oldest first, fall by at least `factor` from each to the next: from the newest
 * place where they do not, down to the oldest table that what is merged so far would outgrow. git's own choice.
 */
export function suggestSegment(
  sizes: readonly number[],
  factor: number,
): { readonly start: number; readonly end: number } | undefined {
  let newest = sizes.length - 1;
  while (newest > 0 && (sizes[newest - 1] as number) >= (sizes[newest] as number) * factor) newest--;
  if (newest <= 0) return undefined;
  let start = newest;
  let bytes = sizes[newest] as number;
  for (let i = newest; i > 0; i--) {
    const older = sizes[i - 1] as number;
    if (older < bytes * factor) start = i - 1;
    bytes += older;
  }
  return { start, end: newest + 1 };
}

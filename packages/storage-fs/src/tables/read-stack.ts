import { checkRefName, type Ref, type RefBatch, type RefQuery, refRanges } from "@millrace/storage";
import {
  keyOfName,
  mergeTables,
  nameOfKey,
  type RefRecords,
  runOf,
  type TableRef,
} from "@millrace/storage/reftable";
import type { FsRepository } from "../fs-repository.ts";
import { isPerWorktree, refBase } from "../place.ts";
import type { FoundRef } from "../refs/loose-ref.ts";
import type { RawRef } from "@millrace/storage";

/** Runs `use` on the stack that holds a ref; on nothing where there is none. */
async function withStack<T>(
  repository: FsRepository,
  gitDir: string,
  use: (stack: RefRecords) => Promise<T>,
): Promise<T | undefined> {
  const stack = await repository.tables.open(gitDir);
  if (stack === undefined) return undefined;
  try {
    return await use(stack.merged);
  } finally {
    await stack[Symbol.asyncDispose]();
  }
}

/** One ref as the stack has it, HEAD too; the name must be valid. */
export async function readStackRef(repository: FsRepository, name: string): Promise<FoundRef | undefined> {
  const found = await withStack(repository, refBase(repository.place, name), (stack) =>
    stack.find(keyOfName(name)),
  );
  return found === undefined ? undefined : toFound(found);
}

/** What a record says. Who writes tables tells of every tag what it points to. */
export function toFound({ oid, peeled, symref }: TableRef): FoundRef {
  if (oid !== undefined) {
    const raw: RawRef = /^0+$/.test(oid) ? "broken" : { oid };
    return { raw, packed: { name: "", oid, peeled: peeled ?? null } };
  }
  const target = symref === undefined ? undefined : nameOfKey(symref);
  const isGood = target !== undefined && target.startsWith("refs/") && checkRefName(target);
  return { raw: isGood ? { symref: target } : "broken" };
}

/** The refs below `refs/` in byte order, in batches, all of one instant. */
export async function* listStackRefs(
  repository: FsRepository,
  query: RefQuery,
  resolve: (name: string, found: FoundRef) => Promise<Ref | undefined>,
): AsyncGenerator<RefBatch> {
  const { gitDir, commonDir } = repository.place;
  const common = await repository.tables.open(commonDir);
  const own = gitDir === commonDir ? undefined : await repository.tables.open(gitDir);
  try {
    if (common === undefined) return;
    const records = own === undefined ? common.merged : ofWorktree(common.merged, own.merged);
    for (const range of refRanges(query.prefixes)) {
      for await (const run of records.runs({ prefix: keyOfName(range), signal: query.signal })) {
        const lines = run.lines();
        if (lines !== undefined) {
          yield lines;
          continue;
        }
        const refs: Ref[] = [];
        for (const record of run.refs()) {
          const name = nameOfKey(record.key);
          if (name === undefined || !checkRefName(name)) continue;
          const found = toFound(record);
          if (found.raw === "broken") continue;
          const ref = found.raw.symref === undefined ? direct(name, record) : await resolve(name, found);
          if (ref !== undefined) refs.push(ref);
        }
        if (refs.length > 0) yield refs;
      }
    }
  } finally {
    await common?.[Symbol.asyncDispose]();
    await own?.[Symbol.asyncDispose]();
  }
}

function direct(name: string, { oid, peeled }: TableRef): Ref {
  return { name, oid: oid as string, peeled: peeled ?? null };
}

/** What a linked worktree sees: its own refs of the kinds that each has for itself, and the rest. */
function ofWorktree(common: RefRecords, own: RefRecords): RefRecords {
  return mergeTables([
    withKeys(common, (key) => !isPerWorktree(key)),
    withKeys(own, (key) => isPerWorktree(key)),
  ]);
}

function withKeys(records: RefRecords, keep: (key: string) => boolean): RefRecords {
  return {
    ...records,
    async *runs(query) {
      for await (const run of records.runs(query)) {
        const kept = run.refs().filter((ref) => keep(ref.key));
        if (kept.length > 0) yield runOf(kept);
      }
    },
    async *refs(query) {
      for await (const batch of records.refs(query)) {
        const kept = batch.filter((ref) => keep(ref.key));
        if (kept.length > 0) yield kept;
      }
    },
  };
}

import type { OperationOptions } from "@millrace/pack";
import {
  type CommitRequest,
  type CommitResult,
  encodeLooseRef,
  parseLooseRef,
  planRefs,
  type RawRef,
  refuse,
  type RefRejection,
  type RefTable,
  type RefUpdate,
  resolveRefName,
  StorageError,
  type StoredRef,
  type SymrefUpdate,
  SYMREF_DEPTH,
} from "@millrace/storage";
import { jitter, pause } from "../bucket/attempts.ts";
import { type BarePlace, type BareRepository, notFound } from "./bare-repository.ts";
import { createBareSnapshot } from "./bare-snapshot.ts";
import { inParallel } from "../in-parallel.ts";
import { landPack, type StagedPack } from "./land-pack.ts";
import { listRefs, type RefListing } from "./list-refs.ts";
import { deleteRefs, moveRef } from "./move-refs.ts";
import type { Versioned } from "./remembered.ts";
import { addRoots, dropRoots } from "./shallow-roots.ts";
import { replaceFile } from "./swap-file.ts";

const RETRY_DELAY_MS = 20;

/**
 * Commits to a repository that is there: judges all refs on one listing, uploads the packs, and moves each ref by a
 * compare-and-swap of its own. Those that another writer has moved meanwhile are judged again, all of the rest stands:
 * `atomic` holds for what is refused when it is judged, not for what is lost in a race.
 * Names that cannot exist beside each other are found among what was listed.
 */
export async function commitRefs(
  place: BarePlace,
  repository: BareRepository,
  request: CommitRequest,
  packs: readonly StagedPack[],
  { signal }: OperationOptions,
): Promise<CommitResult> {
  const updates = request.refs ?? [];
  const outcomes: (RefRejection | undefined)[] = updates.map(() => undefined);
  const deadline = performance.now() + place.settings.commitTimeoutMs;
  let pending = updates.map((_, index) => index);
  let symrefs = request.symrefs ?? [];
  let isCommitted = false;
  let roots: readonly string[] | undefined;

  for (let round = 1; ; round++) {
    if (!isCommitted) signal?.throwIfAborted();
    const asked = { ...request, refs: pending.map((index) => updates[index] as RefUpdate), symrefs };
    const state = await readState(place, repository, asked, signal);
    const { listing } = state;
    const head = state.head?.value;
    const view = createBareSnapshot({ place, repository, head, config: state.config?.value, listing });
    const denied = [...((await request.check?.(view)) ?? []), ...undeletable(place, state.table, asked.refs)];
    if (!isCommitted) signal?.throwIfAborted();
    const plan = planRefs(state.table, asked, repository.objectFormat, denied);
    for (const [at, index] of pending.entries()) outcomes[index] = plan.outcomes[at];
    const { shallow = [] } = request;
    if (!plan.commits || plan.changes.size + packs.length + shallow.length === 0) break;

    if (round === 1) {
      for (const pack of packs) await landPack(place, repository, pack);
      if (shallow.length > 0) roots = await addRoots(place, repository, shallow);
    }
    const lost = await apply(place, repository, state, plan.changes, symrefs);
    isCommitted ||= updates.length === 0 || lost.refs.size < countRefs(plan.changes, symrefs);
    symrefs = lost.symrefs;
    pending = pending.filter((index) => {
      const target = resolveRefName((updates[index] as RefUpdate).name, state.table.get);
      return outcomes[index] === undefined && target !== undefined && lost.refs.has(target);
    });
    if (pending.length === 0 && (symrefs.length === 0 || !isCommitted)) break;
    const delay = jitter(RETRY_DELAY_MS, round);
    if (performance.now() + delay > deadline) {
      if (!isCommitted) throw tooLate(repository);
      for (const index of pending) {
        const { name } = updates[index] as RefUpdate;
        outcomes[index] = refuse(name, "REF_CONFLICT", "other writers were quicker for too long");
      }
      break;
    }
    await pause(delay);
  }
  if (!isCommitted && roots !== undefined && roots.length > 0) await dropRoots(place, repository, roots);
  return { refs: outcomes, committed: isCommitted };
}

/** What a commit is judged on. */
interface CommitState {
  readonly head: Versioned<string> | undefined;
  readonly config: Versioned<string> | undefined;
  readonly listing: RefListing;
  readonly table: RefTable;
}

async function readState(
  place: BarePlace,
  repository: BareRepository,
  { refs = [], symrefs = [] }: CommitRequest,
  signal: AbortSignal | undefined,
): Promise<CommitState> {
  const { base, objectFormat, name: repositoryName } = repository;
  const [head, config, listing] = await Promise.all([
    place.texts.look(`${base}HEAD`, { signal }),
    place.texts.look(`${base}config`, { signal }),
    listRefs(place, repository, ["refs/"], { signal, isLoading: false }),
  ]);
  if (head === undefined) throw notFound(repositoryName);
  const raw = (name: string): RawRef | undefined =>
    name === "HEAD" ? parseLooseRef(head.value, objectFormat) : listing.raw(name);
  let names: readonly string[] = [...refs, ...symrefs].map(({ name }) => name);
  for (let depth = 0; depth <= SYMREF_DEPTH && names.length > 0; depth++) {
    await listing.load(names, { signal });
    names = names.flatMap((name) => {
      const found = raw(name);
      return found === undefined || found === "broken" || found.symref === undefined ? [] : [found.symref];
    });
  }
  const none = "0".repeat(objectFormat === "sha1" ? 40 : 64);
  const get = (name: string): StoredRef | undefined => {
    const found = raw(name);
    return found === "broken" ? { oid: none } : found;
  };
  const has = (name: string): boolean => listing.raw(name) !== undefined;
  return { head, config, listing, table: { get, has, under: listing.under } };
}

/** Deletions that this store cannot do so that no other writer's move is lost. */
function undeletable(
  { mayDelete }: BarePlace,
  table: RefTable,
  updates: readonly RefUpdate[],
): readonly RefRejection[] {
  if (mayDelete) return [];
  const message =
    "this store cannot delete a ref without risk for who moves it: it ignores If-Match on DELETE";
  return updates.flatMap((update) => {
    const target = update.new === null ? resolveRefName(update.name, table.get) : undefined;
    return target === undefined || table.get(target) === undefined
      ? []
      : [refuse(update.name, "REF_DENIED", message)];
  });
}

function countRefs(changes: ReadonlyMap<string, unknown>, symrefs: readonly SymrefUpdate[]): number {
  return changes.size - symrefs.filter(({ name }) => changes.has(name)).length;
}

/** Does what was planned: deletions first, symbolic refs last and only where a ref has moved; answers what was lost. */
async function apply(
  place: BarePlace,
  repository: BareRepository,
  { head, listing }: CommitState,
  changes: ReadonlyMap<string, StoredRef | null>,
  symrefs: readonly SymrefUpdate[],
): Promise<{ readonly refs: ReadonlySet<string>; readonly symrefs: readonly SymrefUpdate[] }> {
  const moves = { place, repository, listing };
  const symbolic = new Set(symrefs.map(({ name }) => name));
  const gone: string[] = [];
  const moved: [string, StoredRef][] = [];
  for (const [name, ref] of changes) {
    if (ref === null) gone.push(name);
    else if (!symbolic.has(name)) moved.push([name, ref]);
  }
  const refs = new Set(await deleteRefs(moves, gone));
  await inParallel(moved, place.settings.listRefsConcurrency, async ([name, ref]) => {
    if (!(await moveRef(moves, name, ref))) refs.add(name);
  });
  const asked = gone.length + moved.length;
  if (asked > 0 && refs.size === asked) return { refs, symrefs };
  const left: SymrefUpdate[] = [];
  for (const symref of symrefs) {
    const { name, target } = symref;
    const isDone =
      name === "HEAD"
        ? (await replaceFile(
            place,
            `${repository.base}HEAD`,
            encodeLooseRef({ symref: target }),
            head?.etag,
          )) !== "lost"
        : await moveRef(moves, name, { symref: target });
    if (!isDone) left.push(symref);
  }
  return { refs, symrefs: left };
}

function tooLate({ base }: BareRepository): StorageError {
  return new StorageError("STORAGE_IO", `${base}refs/: other writers were quicker for too long: try again`, {
    key: `${base}refs/`,
  });
}

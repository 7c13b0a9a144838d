import type { OperationOptions } from "@millrace/pack";
import {
  type CommitRequest,
  type CommitResult,
  makeNotice,
  planRefs,
  type RefRejection,
  type RefUpdate,
  type Removal,
  type Snapshot,
  StorageError,
} from "@millrace/storage";
import type { Version } from "../manifest/latest.ts";
import type { RefReader } from "../refs/read-refs.ts";
import {
  nextState,
  readToken,
  type RepositoryState,
  type UploadedPack,
} from "../manifest/repository-state.ts";

/** A commit that waits for its turn. */
export interface CommitJob extends OperationOptions {
  readonly request: CommitRequest;
  /** Uploaded, and named by no manifest yet. */
  readonly packs: readonly UploadedPack[];
  /** When the first of them may be swept away if it is named by no manifest then, by the store's clock. */
  readonly expiresMs: number;
  /** Who tidies up, where the request removes. */
  readonly lease?: string | undefined;
  /** The repository that is meant: the life it was opened in, or what it would be where none is there. */
  readonly target: CommitTarget;
}

export type CommitTarget = { readonly life: string } | { readonly draft: RepositoryState };

/** What a commit would come to on one state. */
export interface Judgement {
  readonly result: CommitResult;
  /** Something that was asked for is not done. */
  readonly isRefused: boolean;
  /** The life that it goes into. */
  readonly life: string;
  /** The state with it; absent where it changes nothing. */
  readonly next: RepositoryState | undefined;
}

export interface JudgeOptions {
  readonly name: string;
  /** A view of a state, for `check`. */
  readonly open: (state: RepositoryState) => Snapshot;
  /** The refs of a state. */
  readonly refsOf: (state: RepositoryState) => RefReader;
  /** The time by the store's clock. */
  readonly nowMs: number;
}

/**
 * Judges a commit against a state, `undefined` being no repository. Throws what the request's `check` throws,
 * `signal.reason`, `STORAGE_NOT_FOUND` where the repository is gone, `STORAGE_EXISTS` where a draft meets one of another
 * format, `STORAGE_STAGE_EXPIRED`, `STORAGE_BUSY` where another one tidies up by now.
 */
export async function judge(
  job: CommitJob,
  state: RepositoryState | undefined,
  { name, open, refsOf, nowMs }: JudgeOptions,
): Promise<Judgement> {
  const { packs, signal } = job;
  signal?.throwIfAborted();
  if (packs.length > 0 && nowMs > job.expiresMs) {
    throw new StorageError("STORAGE_STAGE_EXPIRED", "the stage is too old: send the pack again", {
      key: name,
    });
  }
  const base = baseOf(job.target, state, name);
  // Somebody else has made it meanwhile: HEAD is theirs.
  const isAdopted = "draft" in job.target && base !== job.target.draft;
  const request = isAdopted ? { ...job.request, symrefs: [] } : job.request;
  const { life } = base;
  const { provedOn, remove, shallow = [] } = request;
  if (remove !== undefined && base.lease?.id !== job.lease) {
    throw new StorageError("STORAGE_BUSY", `${name} is being tidied up by somebody else`, { key: name });
  }
  const denied = await request.check?.(open(base));
  const isConfirmed = (await remove?.confirm?.(open(base))) ?? true;
  signal?.throwIfAborted();
  if (provedOn !== undefined && hasLostSince(provedOn, base, isAdopted)) {
    return {
      result: { refs: (request.refs ?? []).map(unproved), committed: false },
      isRefused: true,
      life,
      next: undefined,
    };
  }
  const refs = await refsOf(base).gather(request, { signal });
  const plan = planRefs(refs, request, base.objectFormat, denied);
  const removed = isConfirmed ? removablePacks(base, remove, packs) : new Set<string>();
  const changes = packs.length + plan.changes.size + shallow.length + removed.size;
  const committed = plan.commits && changes > 0;
  const isLossy = remove?.isLossy;
  const moved = (request.refs ?? []).filter((_, index) => plan.outcomes[index] === undefined);
  const notice =
    committed && moved.length > 0 && request.notice !== undefined
      ? makeNotice(request.notice, moved, nowMs)
      : undefined;
  const next = committed
    ? nextState(base, { refs: plan.changes, packs, shallow, removed, isLossy, notice }, nowMs)
    : undefined;
  const told = notice === undefined ? {} : { noticeId: notice.id };
  const result = { refs: plan.outcomes, committed, ...told };
  return {
    result: remove === undefined ? result : { ...result, removed: [...removed] },
    isRefused: !isConfirmed || plan.outcomes.some((refusal) => refusal !== undefined),
    life,
    next,
  };
}

/**
 * Whether objects were dropped after the view of this token. What was proved for a draft rests on what came with it, so
 * that it holds in the repository that another writer has made meanwhile, too.
 */
function hasLostSince(token: string, state: RepositoryState, isAdopted: boolean): boolean {
  const { life, generation } = readToken(token);
  return life === state.life ? generation < state.lossyRemovalAt : !isAdopted;
}

function unproved({ name }: RefUpdate): RefRejection {
  return { name, code: "REVALIDATE", message: "objects have been dropped meanwhile" };
}

/** Which packs of a state go; packs that land in the same commit stay. */
function removablePacks(
  state: RepositoryState,
  removal: Removal | undefined,
  landing: readonly UploadedPack[],
): ReadonlySet<string> {
  const present = new Set(state.packs.map(({ id }) => id));
  for (const { id } of landing) present.delete(id);
  return new Set((removal?.packs ?? []).filter((id) => present.has(id)));
}

function baseOf(target: CommitTarget, state: RepositoryState | undefined, name: string): RepositoryState {
  if ("life" in target) {
    if (state?.life === target.life) return state;
    throw new StorageError("STORAGE_NOT_FOUND", `${name} was removed`, { key: name });
  }
  if (state === undefined || state.objectFormat === target.draft.objectFormat) return state ?? target.draft;
  throw new StorageError("STORAGE_EXISTS", `${name} has been made with ${state.objectFormat}`, { key: name });
}

/** The repository in a version; `undefined` where there is none. */
export function stateIn({ state }: Version): RepositoryState | undefined {
  return state === undefined || "removedLife" in state ? undefined : state;
}

import type { OperationOptions } from "@millrace/pack";
import {
  type CommitRequest,
  type CommitResult,
  planRefs,
  type Snapshot,
  StorageError,
} from "@millrace/storage";
import type { Version } from "../manifest/latest.ts";
import { nextState, type RepositoryState, type UploadedPack } from "../manifest/repository-state.ts";

/** A commit that waits for its turn. */
export interface CommitJob extends OperationOptions {
  readonly request: CommitRequest;
  /** Uploaded, and named by no manifest yet. */
  readonly packs: readonly UploadedPack[];
  /** The repository that is meant: the life it was opened in, or what it would be where none is there. */
  readonly target: CommitTarget;
}

export type CommitTarget = { readonly life: string } | { readonly draft: RepositoryState };

/** What a commit would come to on one state. */
export interface Judgement {
  readonly result: CommitResult;
  /** The life that it goes into. */
  readonly life: string;
  /** The state with it; absent where it changes nothing. */
  readonly next: RepositoryState | undefined;
}

export interface JudgeOptions {
  readonly name: string;
  /** A view of a state, for `check`. */
  readonly open: (state: RepositoryState) => Snapshot;
  /** The time by the store's clock. */
  readonly nowMs: number;
}

/**
 * Judges a commit against a state, `undefined` being no repository. Throws what the request's `check` throws,
 * `signal.reason`, `STORAGE_NOT_FOUND` where the repository is gone, `STORAGE_EXISTS` where a draft meets one of another
 * format.
 */
export async function judge(
  job: CommitJob,
  state: RepositoryState | undefined,
  { name, open, nowMs }: JudgeOptions,
): Promise<Judgement> {
  const { packs, signal } = job;
  signal?.throwIfAborted();
  const base = baseOf(job.target, state, name);
  // Somebody else has made it meanwhile: HEAD is theirs.
  const isAdopted = "draft" in job.target && base !== job.target.draft;
  const request = isAdopted ? { ...job.request, symrefs: [] } : job.request;
  const denied = await request.check?.(open(base));
  signal?.throwIfAborted();
  const plan = planRefs(base.refs, request, base.objectFormat, denied);
  const { shallow = [] } = request;
  const committed = plan.commits && packs.length + plan.changes.size + shallow.length > 0;
  const next = committed ? nextState(base, { refs: plan.changes, packs, shallow }, nowMs) : undefined;
  return { result: { refs: plan.outcomes, committed }, life: base.life, next };
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

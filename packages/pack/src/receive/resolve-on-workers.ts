import type { FsckSession } from "../fsck/session.ts";
import type { LinkFragment } from "../graph/link-fragment.ts";
import {
  RESOLVED,
  type ResolveRequest,
  SHARED_LENGTH,
  STOP,
  type WorkerAnswer,
} from "../workers/messages.ts";
import type { WorkerPool } from "../workers/worker-pool.ts";
import type { TakeFindings } from "./object-intake.ts";

/** Who is told of what threads find out. */
export interface ResolveListener {
  readonly takeLinks: ((fragment: LinkFragment) => void) | undefined;
  readonly session: FsckSession | undefined;
  readonly onFindings: TakeFindings | undefined;
  /** Told now and then how many more deltas were resolved. */
  readonly count: (resolved: number) => void;
}

const PROGRESS_MS = 50;

/**
 * Lets the threads of a pool work on the families of a pack. Throws what a thread or the listener threw first, and
 * `signal.reason`; no thread works on the pack any more when the promise settles.
 */
export async function resolveOnWorkers(
  pool: WorkerPool,
  work: Omit<ResolveRequest, "kind" | "shared" | "withChecks" | "withLinks">,
  listener: ResolveListener,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { session, onFindings, takeLinks, count } = listener;
  const shared = new Int32Array(new SharedArrayBuffer(SHARED_LENGTH * 4));
  const threads = Math.max(1, Math.min(pool.threads, work.families.roots.length));
  let failure: { readonly error: unknown } | undefined;
  const stop = (error: unknown): void => {
    failure ??= { error };
    Atomics.store(shared, STOP, 1);
  };
  const take = (answer: WorkerAnswer): void => {
    if (failure !== undefined) return;
    try {
      if (answer.kind === "links") takeLinks?.(answer.fragment);
      else if (answer.kind === "findings") onFindings?.(answer.type, answer.oid, answer.findings);
      else if (answer.kind === "special") session?.expect(answer);
    } catch (error) {
      stop(error);
    }
  };
  const request: ResolveRequest = {
    ...work,
    kind: "resolve",
    shared,
    withChecks: session !== undefined,
    withLinks: takeLinks !== undefined,
    budgetBytes: work.budgetBytes / threads,
  };
  const abort = (): void => stop(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  let told = 0;
  const tellProgress = (): void => {
    const resolved = Atomics.load(shared, RESOLVED);
    if (resolved > told) count(resolved - told);
    told = resolved;
  };
  const progress = setInterval(tellProgress, PROGRESS_MS);
  try {
    if (signal?.aborted === true) abort();
    await Promise.all(Array.from({ length: threads }, () => pool.run(request, take).catch(stop)));
  } finally {
    clearInterval(progress);
    signal?.removeEventListener("abort", abort);
  }
  if (failure !== undefined) throw failure.error;
  tellProgress();
}

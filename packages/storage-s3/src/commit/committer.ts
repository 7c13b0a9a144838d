import type { CommitResult, Snapshot, StoredNotice } from "@millrace/storage";
import type { Bucket } from "../bucket/bucket.ts";
import type { Latest } from "../manifest/latest.ts";
import type { RepositoryState } from "../manifest/repository-state.ts";
import type { RefReader } from "../refs/read-refs.ts";
import type { Spill } from "../refs/spill-refs.ts";
import { type CommitJob, judge, type Judgement, stateIn } from "./judge.ts";
import { swap, type SwapOptions } from "./swap.ts";

/** What became of a commit, and the life of the repository that it went into. */
export interface Committed {
  readonly result: CommitResult;
  readonly life: string;
}

/** Commits to one repository, one write at a time. */
export interface Committer {
  commit(job: CommitJob): Promise<Committed>;
}

export interface CommitterOptions extends SwapOptions {
  readonly bucket: Bucket;
  readonly latest: Latest;
  readonly name: string;
  /** A view of a state, for `check`. */
  readonly open: (state: RepositoryState) => Snapshot;
  /** The refs of a state. */
  readonly refsOf: (state: RepositoryState) => RefReader;
  /** For one write: moves refs out of a manifest that has too many. */
  readonly createSpill: () => Spill;
  /** What is written of the notices of a state. */
  readonly unsettled: (notices: readonly StoredNotice[]) => readonly StoredNotice[];
}

interface Waiting {
  readonly job: CommitJob;
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: unknown) => void;
}

/** Commits that one write may carry. */
const GROUP = 256;

/**
 * Groups commits: while one write is under way the next ones gather, and go together in the one after. Each is judged by
 * itself on what the ones before it left, and fails by itself. From the moment its group is written none can be aborted.
 */
export function createCommitter(options: CommitterOptions): Committer {
  const queue: Waiting[] = [];
  let isRunning = false;

  const drain = async (): Promise<void> => {
    isRunning = true;
    while (queue.length > 0) await commitGroup(options, queue.splice(0, GROUP));
    isRunning = false;
  };

  return {
    commit: (job) =>
      new Promise((resolve, reject) => {
        queue.push({ job, resolve, reject });
        if (!isRunning) void drain();
      }),
  };
}

async function commitGroup(options: CommitterOptions, group: readonly Waiting[]): Promise<void> {
  const { bucket, latest, name, open, refsOf } = options;
  const spill = options.createSpill();
  /** Those that have not failed yet. */
  let left = [...group];
  let judged = new Map<Waiting, Judgement>();
  try {
    await swap(bucket, latest, options, async (version, isFresh) => {
      // To confirm a removal may take long: not on a view that may be old.
      if (!isFresh && left.some(({ job }) => job.request.remove !== undefined)) return "stale";
      judged = new Map();
      let state = stateIn(version);
      let isChanged = false;
      for (const waiting of left) {
        try {
          const judgement = await judge(waiting.job, state, { name, open, refsOf, nowMs: bucket.nowMs() });
          judged.set(waiting, judgement);
          if (judgement.next !== undefined) {
            state = judgement.next;
            isChanged = true;
          }
        } catch (error) {
          // What is told must hold for what is there now.
          if (!isFresh && !isAborted(waiting.job, error)) return "stale";
          left = left.filter((each) => each !== waiting);
          waiting.reject(error);
        }
      }
      if (!isFresh && [...judged.values()].some(({ isRefused }) => isRefused)) return "stale";
      if (!isChanged || state === undefined) return undefined;
      return spill({ ...state, notices: options.unsettled(state.notices) });
    });
  } catch (error) {
    for (const waiting of left) waiting.reject(error);
    return;
  }
  for (const waiting of left) {
    const { result, life } = judged.get(waiting) as Judgement;
    waiting.resolve({ result, life });
  }
}

function isAborted({ signal }: CommitJob, error: unknown): boolean {
  return signal?.aborted === true && signal.reason === error;
}

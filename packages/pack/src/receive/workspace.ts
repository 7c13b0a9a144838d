import { createKernel, type Kernel } from "../kernel/kernel.ts";
import { align, SLACK_BYTES } from "./memory-layout.ts";

const KIB = 1024;

/** How many objects are hashed in one call at most. */
export const MAX_JOBS = 64;
/** Copies of one delta that are told apart. */
export const MAX_RANGES: number = 16 * KIB;
/** Deltas and packed bytes up to this size are worked on in a place of their own. */
export const SCRATCH_BYTES: number = 256 * KIB;
export const LINK_WORD_BYTES: number = 256 * KIB;
export const LINK_ID_BYTES: number = 640 * KIB;

/** A kernel whose memory is laid out for indexing; addresses in bytes. */
export interface Workspace {
  readonly kernel: Kernel;
  readonly jobs: number;
  readonly digests: number;
  readonly ranges: number;
  readonly linkWords: number;
  readonly linkIds: number;
  /** Packed bytes of one entry. */
  readonly packed: number;
  /** Instructions of one delta. */
  readonly delta: number;
  /** Everything from here on is free. */
  readonly heap: number;
}

/** Kept for the next pack where they have not grown much: memory of a kernel never shrinks. */
const MAX_KEPT_BYTES = 16 * KIB * KIB;
const MAX_KEPT = 2;
const kept: Workspace[] = [];

/** Takes a workspace of this thread for one pack; give it back with `returnWorkspace`. */
export function takeWorkspace(): Workspace {
  return kept.pop() ?? createWorkspace();
}

export function returnWorkspace(workspace: Workspace): void {
  if (kept.length < MAX_KEPT && workspace.kernel.bytes.length <= MAX_KEPT_BYTES) kept.push(workspace);
}

function createWorkspace(): Workspace {
  const kernel = createKernel();
  let at = kernel.heapStart;
  const reserve = (bytes: number): number => {
    const start = at;
    at = align(at + bytes + SLACK_BYTES);
    return start;
  };
  const jobs = reserve(MAX_JOBS * 8);
  const digests = reserve(MAX_JOBS * 32);
  const ranges = reserve(MAX_RANGES * 12);
  const linkWords = reserve(LINK_WORD_BYTES);
  const linkIds = reserve(LINK_ID_BYTES);
  const packed = reserve(SCRATCH_BYTES);
  const delta = reserve(SCRATCH_BYTES);
  kernel.ensure(at);
  return { kernel, jobs, digests, ranges, linkWords, linkIds, packed, delta, heap: at };
}

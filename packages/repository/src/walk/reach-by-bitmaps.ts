import { hashLength } from "@millrace/pack";
import type { BitmappedPack } from "../objects/bitmapped-pack.ts";
import type { Breather } from "../breather.ts";
import type { CommitGraph } from "./commit-graph.ts";
import { CommitQueue } from "./commit-queue.ts";
import { clearFrom, countSet, isSet } from "./object-bits.ts";
import { type ObjectMarks, QUEUED, SEEN } from "./object-marks.ts";
import type { ReachedBits, WholePacks } from "./whole-packs.ts";

/** Commits that are read on the way to ones with a bitmap; where it is further, a walk must do. */
const MAX_READ_COMMITS = 5000;

/**
 * Adds to `whole` what git's bitmaps say that commits reach, and marks it as seen, but for what bits tell best: goes from the commits to their
 * ancestors, newest first, until each line has come to one with a bitmap. What lies before that is left to a walk.
 */
export async function reachByBitmaps(
  graph: CommitGraph,
  marks: ObjectMarks,
  commits: readonly number[],
  packs: readonly BitmappedPack[],
  withBlobs: boolean,
  whole: WholePacks,
  breather: Breather,
): Promise<void> {
  const reached = packs.map((pack): ReachedBits => ({ ...pack, bits: pack.bitmaps.empty() }));
  const queue = new CommitQueue();
  const enqueue = async (commit: number): Promise<void> => {
    if (marks.has(commit, QUEUED)) return;
    marks.set(commit, QUEUED);
    if (isReached(marks.table.bytesAt(commit), reached)) return;
    await graph.load(commit);
    queue.push(commit, graph.time(commit));
  };
  for (const commit of commits) await enqueue(commit);
  let read = 0;
  for (let commit = queue.pop(); commit !== undefined; commit = queue.pop()) {
    await breather.step();
    if (isReached(marks.table.bytesAt(commit), reached)) continue;
    if (++read > MAX_READ_COMMITS) break;
    const parents = graph.parentCount(commit);
    for (let i = 0; i < parents; i++) await enqueue(graph.parent(commit, i));
  }
  for (const pack of reached) {
    clearFrom(pack.bits, pack.index.count);
    if (pack.id === marks.table.ranked?.id) whole.ranked.push(pack);
    else await takeReached(pack, marks, withBlobs, whole, breather);
  }
}

/** Whether a commit is known to be reached; takes in its bitmap where it has one. */
function isReached(oid: Uint8Array, packs: readonly ReachedBits[]): boolean {
  for (const { index, bitmaps, bits } of packs) {
    const position = index.find(oid);
    if (position < 0) continue;
    if (isSet(bits, index.packRank(position))) return true;
    if (!bitmaps.has(position)) continue;
    bitmaps.addReached(position, bits);
    return true;
  }
  return false;
}

async function takeReached(
  { index, bitmaps, bits }: ReachedBits,
  marks: ObjectMarks,
  withBlobs: boolean,
  { commits, trees, blobs }: WholePacks,
  breather: Breather,
): Promise<void> {
  const order = index.packOrder();
  const oid = new Uint8Array(hashLength(index.format));
  marks.reserve(countSet(bits));
  for (let rank = 0; rank < index.count; rank++) {
    const pause = breather.step();
    if (pause !== undefined) await pause;
    if (!isSet(bits, rank)) continue;
    index.copyOid(order[rank]!, oid, 0);
    const number = marks.number(oid);
    if (marks.has(number, SEEN)) continue;
    marks.set(number, SEEN);
    if (isSet(bitmaps.commits, rank)) commits.push(number);
    else if (isSet(bitmaps.trees, rank)) trees.push(number);
    else if (isSet(bitmaps.blobs, rank) && withBlobs) blobs.push(number);
  }
}

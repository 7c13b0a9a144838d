import type { Oid } from "@millrace/pack";
import type { BlobCache, BlobLanding } from "../cache/blob-cache.ts";
import type { CachedBlob } from "../cache/open-blob.ts";
import type { MountError } from "../errors.ts";
import type { BlobSource } from "./blob-source.ts";
import { FetchBatch } from "./fetch-batch.ts";
import { PRIORITY } from "./priority.ts";
import type { FilledHydratorLimits } from "./schema.ts";
import type { SizeBook } from "./size-book.ts";
import { failTask, settleTask, type Task, type Waiter } from "./task.ts";
import { TaskTable } from "./task-table.ts";

/** What blobs are fetched from and into. */
export interface FetcherOptions {
  readonly cache: BlobCache;
  readonly source: BlobSource;
  readonly sizes: SizeBook;
  readonly limits: FilledHydratorLimits;
}

/** What has been fetched. */
export interface HydratorCounts {
  /** Requests for blobs. */
  fetches: number;
  /** Blobs that came, and their bytes. */
  fetched: number;
  fetchedBytes: number;
  /** Blobs that were to be fetched and were found in the cache when their turn came. */
  found: number;
  failed: number;
}

/** What a blob of unknown size counts as in a request, in bytes. */
export const GUESSED_BYTES: number = 16 * 1024;
/** What nobody waits for travels in requests of this many blobs, so that others are not kept waiting. */
const MAX_BACKGROUND_COUNT = 256;
/** How many queued blobs are looked for in the cache before others get their turn. */
const CHECKS_AT_ONCE = 512;

/**
 * Fetches blobs into a cache by priority, each once: those of one moment travel in one request with others of their kind, and what
 * is in the cache when its turn comes is not fetched.
 */
export class Fetcher {
  readonly #cache: BlobCache;
  readonly #source: BlobSource;
  readonly #sizes: SizeBook;
  readonly #limits: FilledHydratorLimits;
  readonly #tasks = new TaskTable(() => this.#schedule());
  readonly #batches = new Map<FetchBatch, Promise<void>>();
  readonly #counts: HydratorCounts = { fetches: 0, fetched: 0, fetchedBytes: 0, found: 0, failed: 0 };
  /** Of batches that have ended: a signal costs as much as a small file. */
  readonly #idleStops: AbortController[] = [];
  #stopped: MountError | undefined;
  #isScheduled = false;
  /** Counts the times that what was queued has left. */
  #turn = 0;
  #isFetchingWalk = false;

  constructor({ cache, source, sizes, limits }: FetcherOptions) {
    this.#cache = cache;
    this.#source = source;
    this.#sizes = sizes;
    this.#limits = limits;
  }

  get counts(): Readonly<HydratorCounts> {
    return { ...this.#counts };
  }

  /** Why nothing is fetched any more; `undefined` while it is. */
  get stopped(): MountError | undefined {
    return this.#stopped;
  }

  /** Blobs that wait for their turn. */
  get backlog(): number {
    return this.#tasks.backlog;
  }

  /** Whether a blob is queued or being fetched. */
  has(oid: Oid): boolean {
    return this.#tasks.has(oid);
  }

  /** Resolves when nothing is queued or being fetched. */
  idle(): Promise<void> {
    return this.#tasks.idle();
  }

  /** Fetches one blob in the background, unless it is here when its turn comes. A queued one takes the higher priority. */
  enqueue(oid: Oid, priority: number): void {
    if (this.#stopped !== undefined) return;
    const task = this.#tasks.take(oid, priority);
    task.backgroundPriority = Math.max(task.backgroundPriority, priority);
  }

  /** Waits for a blob that is being fetched, or will be. */
  wait<T extends CachedBlob | number>(
    oid: Oid,
    wants: Waiter["wants"],
    priority: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const isNew = !this.#tasks.has(oid);
    const task = this.#tasks.take(oid, priority);
    // Whoever opens a blob has just looked for it, and where nothing travels together it leaves at once.
    if (isNew && wants !== "size" && this.#limits.maxBatchCount === 1) task.absentIn = this.#turn;
    const { draft } = task;
    if (draft === undefined || wants === "whole") return this.#tasks.wait<T>(task, wants, signal);
    return Promise.resolve((wants === "open" ? draft.open() : draft.sizeBytes) as T);
  }

  /** Ends all waits and all fetches for this reason, and waits for these. */
  async stop(reason: MountError): Promise<void> {
    this.#stopped ??= reason;
    for (const task of this.#tasks.drain()) this.#end(task, this.#stopped);
    for (const batch of this.#batches.keys()) batch.stop(this.#stopped);
    await Promise.all(this.#batches.values());
  }

  /** What is asked for until the end of this turn leaves together. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const leave = (): void => {
      this.#isScheduled = false;
      this.#dispatch();
    };
    // Where nothing may travel together there is nothing to wait for.
    if (this.#limits.maxBatchCount === 1) queueMicrotask(leave);
    else setImmediate(leave);
  }

  #dispatch(): void {
    this.#fill();
    this.#turn++;
  }

  /** Begins to fetch what is queued, as far as there are workers for it. */
  #fill(): void {
    for (let head = this.#tasks.peek(); head !== undefined; head = this.#tasks.peek()) {
      const workers = this.#limits.workers + (isRead(head) ? 1 : 0);
      if (this.#batches.size >= workers) return;
      // One at a time: what is far ahead is not to take everybody's place.
      if (kindOf(head) === "walk" && this.#isFetchingWalk) return;
      const tasks = this.#takeBatch(head);
      if (tasks.length === 0) {
        // All were here. Others get their turn before more are looked for.
        this.#schedule();
        return;
      }
      this.#fetch(tasks, kindOf(head));
    }
  }

  /** The next blobs to fetch in one request: of a kind, and none that is here. */
  #takeBatch(head: Task): Task[] {
    const { maxBatchCount, maxBatchBytes, eagerBytes } = this.#limits;
    const kind = kindOf(head);
    const maxCount = kind === "background" ? Math.min(maxBatchCount, MAX_BACKGROUND_COUNT) : maxBatchCount;
    const tasks: Task[] = [];
    let bytes = 0;
    for (let checks = 0; tasks.length < maxCount && checks < CHECKS_AT_ONCE + maxCount; checks++) {
      const task = this.#tasks.peek();
      if (task === undefined || kindOf(task) !== kind) break;
      const size = this.#sizes.get(task.oid) ?? GUESSED_BYTES;
      // What is read before it is whole has to travel alone: nothing else in its pack can be taken for it.
      const isLarge = size >= eagerBytes;
      if (tasks.length > 0 && (isLarge || bytes + size > maxBatchBytes)) break;
      this.#tasks.unqueue(task);
      if (this.#isFound(task)) continue;
      tasks.push(task);
      bytes += size;
      if (isLarge) break;
    }
    return tasks;
  }

  /** Whether the blob has come into the cache meanwhile: then those who wait get it from there. */
  #isFound(task: Task): boolean {
    // What was not there when it was queued in this turn is not there now.
    if (task.mustFetch || task.absentIn === this.#turn) return false;
    try {
      if (!this.#cache.has(task.oid)) return false;
    } catch (error) {
      this.#fail(task, error);
      return true;
    }
    this.#counts.found++;
    if (task.waiters.size === 0) this.#tasks.forget(task);
    else void this.#settleFromCache(task);
    return true;
  }

  async #settleFromCache(task: Task): Promise<void> {
    try {
      for (const waiter of task.waiters) {
        const blob = await this.#cache.open(task.oid, { sizeBytes: this.#sizes.get(task.oid) });
        if (blob === undefined) {
          this.#refetch(task);
          return;
        }
        this.#sizes.learn(task.oid, blob.sizeBytes);
        // Gone while it was opened.
        if (!task.waiters.delete(waiter)) blob.release();
        else if (waiter.wants === "open") waiter.settle(blob);
        else {
          blob.release();
          waiter.settle(blob.sizeBytes);
        }
      }
      this.#tasks.forget(task);
    } catch (error) {
      this.#fail(task, error);
    }
  }

  /** The file was none: the blob is fetched after all, if anybody still wants it. */
  #refetch(task: Task): void {
    if (!this.#tasks.isOpen(task)) return;
    task.mustFetch = true;
    this.#tasks.putBack(task);
  }

  #fetch(tasks: readonly Task[], kind: Kind): void {
    this.#counts.fetches++;
    if (kind === "walk") this.#isFetchingWalk = true;
    const stop = this.#idleStops.pop() ?? new AbortController();
    const batch = new FetchBatch(
      {
        cache: this.#cache,
        source: this.#source,
        limits: this.#limits,
        landed: (task, landing) => this.#land(task, landing),
        failed: (task, reason) => this.#fail(task, reason),
      },
      tasks,
      stop,
    );
    const run = batch.run().finally(() => {
      this.#batches.delete(batch);
      if (kind === "walk") this.#isFetchingWalk = false;
      if (!stop.signal.aborted) this.#idleStops.push(stop);
      this.#dispatch();
    });
    this.#batches.set(batch, run);
  }

  #land(task: Task, landing: BlobLanding): void {
    const { sizeBytes } = landing;
    this.#counts.fetched++;
    this.#counts.fetchedBytes += sizeBytes;
    this.#sizes.learn(task.oid, sizeBytes);
    this.#tasks.forget(task);
    settleTask(task, sizeBytes, () => landing.open());
  }

  #fail(task: Task, reason: unknown): void {
    if (!this.#tasks.isOpen(task)) return;
    this.#counts.failed++;
    this.#end(task, reason);
  }

  #end(task: Task, reason: unknown): void {
    this.#tasks.forget(task);
    failTask(task, reason);
  }
}

/** What does not share a request: whoever reads a file does not wait for the sizes of a directory, nor for what nobody waits for. */
type Kind = "read" | "size" | "walk" | "background";

function kindOf(task: Task): Kind {
  if (isRead(task)) return "read";
  if (task.waiters.size > 0) return "size";
  return task.priority === PRIORITY.walk ? "walk" : "background";
}

function isRead({ priority }: Task): boolean {
  return priority >= PRIORITY.read;
}

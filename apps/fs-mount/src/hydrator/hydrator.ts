import { setMaxListeners } from "node:events";
import { readSync } from "node:fs";
import type { Oid } from "@millrace/pack";
import type { BlobCache, BlobLanding } from "../cache/blob-cache.ts";
import type { CachedBlob } from "../cache/open-blob.ts";
import { MountError } from "../errors.ts";
import type { BlobSource } from "./blob-source.ts";
import type { Blobs, PrefetchedFile } from "./blobs.ts";
import { choosePrefetched } from "./choose-prefetched.ts";
import { FetchBatch } from "./fetch-batch.ts";
import type { FileOrder } from "./file-order.ts";
import { PRIORITY } from "./priority.ts";
import { type FilledHydratorLimits, HydratorLimits } from "./schema.ts";
import { SizeBook } from "./size-book.ts";
import { SizeRequests } from "./size-requests.ts";
import { createTask, failTask, settleTask, type Task, type Waiter } from "./task.ts";
import { TaskQueue } from "./task-queue.ts";
import { unlessAborted } from "./unless-aborted.ts";
import { WalkAhead } from "./walk-ahead.ts";

/** What a hydrator works with. */
export interface HydratorOptions extends HydratorLimits {
  readonly cache: BlobCache;
  readonly source: BlobSource;
  /** Sizes that are known already, and where new ones are kept. Default: one of its own. */
  readonly sizes?: SizeBook | undefined;
}

/** What a hydrator has done and has to do. */
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

/** What nobody waits for travels in requests of this many blobs, so that others are not kept waiting. */
const MAX_BACKGROUND_COUNT = 256;
/** What a blob of unknown size counts as in a request, in bytes. */
const GUESSED_BYTES = 16 * 1024;
/** What is fetched ahead at once is this much of the cache at most. */
const WALK_SHARE = 1 / 4;
/** How many queued blobs are looked for in the cache before others get their turn. */
const CHECKS_AT_ONCE = 512;

/**
 * Brings blobs into a cache: those that somebody waits for first, then what is likely to be read. Each is fetched once however
 * many ask for it; the misses of one moment travel in one request; whoever leaves (`signal`) ends only their own wait.
 *
 * @throws ZodError where the limits are malformed.
 */
export class Hydrator implements Blobs, AsyncDisposable {
  readonly #cache: BlobCache;
  readonly #source: BlobSource;
  readonly #sizes: SizeBook;
  readonly #sizeRequests: SizeRequests;
  readonly #limits: FilledHydratorLimits;
  /** All that is queued or being fetched. */
  readonly #tasks = new Map<Oid, Task>();
  readonly #queue = new TaskQueue<Task>();
  readonly #batches = new Map<FetchBatch, Promise<void>>();
  readonly #counts: HydratorCounts = { fetches: 0, fetched: 0, fetchedBytes: 0, found: 0, failed: 0 };
  readonly #idle: (() => void)[] = [];
  /** Of batches that have ended: a signal costs as much as a small file. */
  readonly #idleStops: AbortController[] = [];
  #walk: WalkAhead | undefined;
  #stopped: MountError | undefined;
  #isScheduled = false;
  /** Counts the times that what was queued has left. */
  #turn = 0;
  #isFetchingWalk = false;

  constructor({ cache, source, sizes = new SizeBook(), ...limits }: HydratorOptions) {
    this.#cache = cache;
    this.#source = source;
    this.#sizes = sizes;
    this.#limits = HydratorLimits.parse(limits);
    this.#sizeRequests = new SizeRequests(source, (oid, sizeBytes) => sizes.learn(oid, sizeBytes));
  }

  /** What was done so far. */
  get counts(): Readonly<HydratorCounts> {
    return { ...this.#counts };
  }

  /** Blobs that wait for their turn. */
  get backlog(): number {
    return this.#queue.size;
  }

  /**
   * Opens a blob, fetched if it is not in the cache; a large one perhaps before it is whole. Release it.
   * Throws `MOUNT_STOPPED`, `MOUNT_BLOB_MISSING`, `MOUNT_BLOB_DAMAGED`, `MOUNT_CACHE_FULL`, `MOUNT_FETCH_STALLED`, what the
   * source and the disk say, and `signal.reason`.
   */
  open(oid: Oid, priority: number = PRIORITY.read, signal?: AbortSignal): Promise<CachedBlob> {
    let isMissed = false;
    const opening = this.#unlessHere(oid, signal, () => {
      isMissed = !this.#tasks.has(oid);
      return this.#wait<CachedBlob>(oid, "open", priority, signal);
    });
    this.#walkOn(oid, isMissed);
    return opening;
  }

  /** The order in which the files are walked over: from now on, whoever opens one after the other finds the next ones here. */
  follow(order: FileOrder): void {
    this.#walk = new WalkAhead(order, this.#limits.maxBatchCount);
  }

  /** Somebody has opened this blob, here or by themselves: the next ones of a walk are fetched ahead. */
  opened(oid: Oid): void {
    this.#walkOn(oid, false);
  }

  /** Brings a blob into the cache and answers its bytes. Throws as `open`. */
  hydrate(oid: Oid, priority: number = PRIORITY.read, signal?: AbortSignal): Promise<number> {
    const wait = (): Promise<number> => this.#wait<number>(oid, "whole", priority, signal);
    return this.#tasks.has(oid) ? wait() : this.#hydrate(oid, signal, wait);
  }

  /** A whole blob, a link's target say. Throws `MOUNT_BLOB_TOO_LARGE` where it is over `maxBytes`, and as `open`. */
  async read(
    oid: Oid,
    maxBytes: number,
    priority: number = PRIORITY.read,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const check = (sizeBytes: number | undefined): void => {
      if (sizeBytes === undefined || sizeBytes <= maxBytes) return;
      throw new MountError("MOUNT_BLOB_TOO_LARGE", `blob ${oid} has ${sizeBytes} bytes`, { oid });
    };
    check(this.#sizes.get(oid));
    using blob = await this.open(oid, priority, signal);
    check(blob.sizeBytes);
    await blob.readable?.(blob.sizeBytes, signal);
    const content = new Uint8Array(blob.sizeBytes);
    for (let at = 0; at < content.length; ) {
      const count = readSync(blob.fd, content, at, content.length - at, at);
      if (count === 0) throw new MountError("MOUNT_BLOB_DAMAGED", `blob ${oid} was cut`, { oid });
      at += count;
    }
    return content;
  }

  prefetch(files: readonly PrefetchedFile[]): void {
    if (this.#stopped !== undefined) return;
    const { maxPrefetchCount, maxPrefetchBytes } = this.#limits;
    const isWanted = (oid: Oid): boolean => {
      const size = this.#sizes.get(oid) ?? 0;
      return size <= maxPrefetchBytes && this.#cache.keeps(size) && !this.#cache.has(oid);
    };
    for (const { oid, priority } of choosePrefetched(files, maxPrefetchCount, isWanted)) {
      this.enqueue(oid, priority);
    }
  }

  /** Fetches one blob in the background, unless it is here when its turn comes. A queued one takes the higher priority. */
  enqueue(oid: Oid, priority: number): void {
    if (this.#stopped !== undefined) return;
    const task = this.#taskOf(oid, priority);
    task.backgroundPriority = Math.max(task.backgroundPriority, priority);
  }

  async sizeOf(oids: readonly Oid[], signal?: AbortSignal): Promise<ReadonlyMap<Oid, number>> {
    const failures: unknown[] = [];
    const sizes = new Map<Oid, number>();
    let unknown = this.#unknown(oids);
    if (unknown.length > 0) {
      for (const oid of unknown) {
        if (this.#cache.has(oid)) (await this.#unlessHere(oid, signal, () => undefined))?.release();
      }
      unknown = this.#unknown(unknown);
      try {
        await unlessAborted(this.#sizeRequests.ask(unknown), signal);
        unknown = this.#unknown(unknown);
        // A source that cannot tell has to bring them.
        const bring = async (oid: Oid): Promise<void> => {
          try {
            // A blob that is arriving is not in the book before it is verified.
            sizes.set(oid, await this.#wait<number>(oid, "size", PRIORITY.size, signal));
          } catch (error) {
            failures.push(error);
          }
        };
        await Promise.all(unknown.map(bring));
      } catch (error) {
        failures.push(error);
      }
      signal?.throwIfAborted();
    }
    for (const oid of oids) {
      const size = this.#sizes.get(oid);
      if (size !== undefined) sizes.set(oid, size);
    }
    const failure = failures.find((error) => !isAbsent(error));
    if (failure !== undefined) throw failure;
    return sizes;
  }

  /** Resolves when nothing is queued or being fetched. */
  idle(): Promise<void> {
    if (this.#tasks.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  /** Ends all waits with `MOUNT_STOPPED` and all fetches, and waits for these. Later calls are refused. */
  async stop(): Promise<void> {
    this.#stopped ??= new MountError("MOUNT_STOPPED", "the mount is being taken away");
    this.#sizeRequests.stop(this.#stopped);
    for (const task of this.#tasks.values()) {
      this.#queue.remove(task);
      this.#end(task, this.#stopped);
    }
    for (const batch of this.#batches.keys()) batch.stop(this.#stopped);
    await Promise.all(this.#batches.values());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Fetches what whoever has opened this blob comes to next, as much of it as the cache will keep for them. */
  #walkOn(oid: Oid, isMissed: boolean): void {
    if (this.#walk === undefined || this.#stopped !== undefined) return;
    const { maxPrefetchBytes, maxBatchBytes } = this.#limits;
    let left = Math.min(maxBatchBytes, this.#cache.maxBytes * WALK_SHARE);
    for (const next of this.#walk.opened(oid, isMissed)) {
      const size = this.#sizes.get(next) ?? GUESSED_BYTES;
      if (size > maxPrefetchBytes) continue;
      left -= size;
      if (left < 0) break;
      this.enqueue(next, PRIORITY.walk);
    }
  }

  #throwIfStopped(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }

  #unknown(oids: readonly Oid[]): Oid[] {
    return oids.filter((oid) => this.#sizes.get(oid) === undefined);
  }

  async #hydrate(oid: Oid, signal: AbortSignal | undefined, wait: () => Promise<number>): Promise<number> {
    this.#throwIfStopped();
    signal?.throwIfAborted();
    // Nobody opens a file in order to hear that it is here.
    const known = this.#cache.verifiedBytes(oid);
    if (known !== undefined) return known;
    const result = await this.#unlessHere(oid, signal, wait);
    if (typeof result === "number") return result;
    result.release();
    return result.sizeBytes;
  }

  /**
   * The blob if it is in the cache and is not being fetched, else what `otherwise` answers. It is called at once where that is
   * known at once, so that whoever asks next in this turn joins.
   */
  async #unlessHere<T>(
    oid: Oid,
    signal: AbortSignal | undefined,
    otherwise: () => T | Promise<T>,
  ): Promise<CachedBlob | T> {
    this.#throwIfStopped();
    signal?.throwIfAborted();
    if (this.#tasks.has(oid)) return otherwise();
    const opening = this.#cache.open(oid, { sizeBytes: this.#sizes.get(oid) });
    const blob =
      opening instanceof Promise ? await unlessAborted(opening, signal, (late) => late?.release()) : opening;
    if (blob === undefined) return otherwise();
    this.#sizes.learn(oid, blob.sizeBytes);
    return blob;
  }

  /** Waits for a blob that is being fetched, or will be. */
  #wait<T extends CachedBlob | number>(
    oid: Oid,
    wants: Waiter["wants"],
    priority: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#throwIfStopped();
      signal?.throwIfAborted();
      const isNew = !this.#tasks.has(oid);
      const task = this.#taskOf(oid, priority);
      // Whoever opens a blob has just looked for it, and where nothing travels together it leaves at once.
      if (isNew && wants !== "size" && this.#limits.maxBatchCount === 1) task.absentIn = this.#turn;
      const { draft } = task;
      if (draft !== undefined && wants !== "whole") {
        resolve((wants === "open" ? draft.open() : draft.sizeBytes) as T);
        return;
      }
      const leave = (): void => {
        task.waiters.delete(waiter);
        reject(signal?.reason as Error);
        this.#abandon(task);
      };
      const waiter: Waiter = {
        wants,
        settle: (result) => {
          signal?.removeEventListener("abort", leave);
          resolve(result as T);
        },
        fail: (reason) => {
          signal?.removeEventListener("abort", leave);
          reject(reason);
        },
      };
      if (signal !== undefined) {
        // Many may wait under one signal.
        setMaxListeners(0, signal);
        signal.addEventListener("abort", leave, { once: true });
      }
      task.waiters.add(waiter);
    });
  }

  /** The task of a blob, queued at this priority at least. */
  #taskOf(oid: Oid, priority: number): Task {
    let task = this.#tasks.get(oid);
    if (task === undefined) {
      task = createTask(oid);
      task.priority = priority;
      this.#tasks.set(oid, task);
      this.#queue.push(task);
      this.#schedule();
    } else if (task.place !== -1 && priority > task.priority) {
      this.#queue.reprioritize(task, priority);
      this.#schedule();
    }
    return task;
  }

  /** Nobody waits for it any more: what was queued for them alone goes, the rest falls back. */
  #abandon(task: Task): void {
    if (task.waiters.size > 0 || task.place === -1) return;
    if (task.backgroundPriority > 0) {
      this.#queue.reprioritize(task, task.backgroundPriority);
    } else {
      this.#queue.remove(task);
      this.#forget(task);
    }
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
    for (let head = this.#queue.peek(); head !== undefined; head = this.#queue.peek()) {
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
      const task = this.#queue.peek();
      if (task === undefined || kindOf(task) !== kind) break;
      const size = this.#sizes.get(task.oid) ?? GUESSED_BYTES;
      // What is read before it is whole has to travel alone: nothing else in its pack can be taken for it.
      const isLarge = size >= eagerBytes;
      if (tasks.length > 0 && (isLarge || bytes + size > maxBatchBytes)) break;
      this.#queue.remove(task);
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
    if (task.waiters.size === 0) this.#forget(task);
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
      this.#forget(task);
    } catch (error) {
      this.#fail(task, error);
    }
  }

  /** The file was none: the blob is fetched after all, if anybody still wants it. */
  #refetch(task: Task): void {
    if (this.#tasks.get(task.oid) !== task) return;
    task.mustFetch = true;
    this.#queue.push(task);
    this.#schedule();
    this.#abandon(task);
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
    this.#forget(task);
    settleTask(task, sizeBytes, () => landing.open());
  }

  #fail(task: Task, reason: unknown): void {
    if (this.#tasks.get(task.oid) !== task) return;
    this.#counts.failed++;
    this.#end(task, reason);
  }

  #end(task: Task, reason: unknown): void {
    this.#forget(task);
    failTask(task, reason);
  }

  #forget(task: Task): void {
    if (this.#tasks.get(task.oid) !== task) return;
    this.#tasks.delete(task.oid);
    if (this.#tasks.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
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

/** Whether an error speaks of one blob, which the source does not have as it should be. */
function isAbsent(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return code === "MOUNT_BLOB_MISSING" || code === "MOUNT_BLOB_DAMAGED";
}

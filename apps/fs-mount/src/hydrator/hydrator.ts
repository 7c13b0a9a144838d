import { readSync } from "node:fs";
import type { Oid } from "@millrace/pack";
import type { BlobCache } from "../cache/blob-cache.ts";
import type { CachedBlob } from "../cache/open-blob.ts";
import { MountError } from "../errors.ts";
import type { BlobSource } from "./blob-source.ts";
import type { Blobs, PrefetchedFile } from "./blobs.ts";
import { choosePrefetched } from "./choose-prefetched.ts";
import { Fetcher, GUESSED_BYTES, type HydratorCounts } from "./fetcher.ts";
import type { FileOrder } from "./file-order.ts";
import { PRIORITY } from "./priority.ts";
import { type FilledHydratorLimits, HydratorLimits } from "./schema.ts";
import { SizeBook } from "./size-book.ts";
import { SizeRequests } from "./size-requests.ts";
import { unlessAborted } from "./unless-aborted.ts";
import { WalkAhead } from "./walk-ahead.ts";

/** What a hydrator works with. */
export interface HydratorOptions extends HydratorLimits {
  readonly cache: BlobCache;
  readonly source: BlobSource;
  /** Sizes that are known already, and where new ones are kept. Default: one of its own. */
  readonly sizes?: SizeBook | undefined;
}

/** What is fetched ahead at once is this much of the cache at most. */
const WALK_SHARE = 1 / 4;

/**
 * Brings blobs into a cache: those that somebody waits for first, then what is likely to be read. Each is fetched once however
 * many ask for it; the misses of one moment travel in one request; whoever leaves (`signal`) ends only their own wait.
 *
 * @throws ZodError where the limits are malformed.
 */
export class Hydrator implements Blobs, AsyncDisposable {
  readonly #cache: BlobCache;
  readonly #sizes: SizeBook;
  readonly #sizeRequests: SizeRequests;
  readonly #limits: FilledHydratorLimits;
  readonly #fetcher: Fetcher;
  #walk: WalkAhead | undefined;

  constructor({ cache, source, sizes = new SizeBook(), ...limits }: HydratorOptions) {
    this.#cache = cache;
    this.#sizes = sizes;
    this.#limits = HydratorLimits.parse(limits);
    this.#fetcher = new Fetcher({ cache, source, sizes, limits: this.#limits });
    this.#sizeRequests = new SizeRequests(source, (oid, sizeBytes) => sizes.learn(oid, sizeBytes));
  }

  /** What was done so far. */
  get counts(): Readonly<HydratorCounts> {
    return this.#fetcher.counts;
  }

  /** Blobs that wait for their turn. */
  get backlog(): number {
    return this.#fetcher.backlog;
  }

  /**
   * Opens a blob, fetched if it is not in the cache; a large one perhaps before it is whole. Release it.
   * Throws `MOUNT_STOPPED`, `MOUNT_BLOB_MISSING`, `MOUNT_BLOB_DAMAGED`, `MOUNT_CACHE_FULL`, `MOUNT_FETCH_STALLED`, what the
   * source and the disk say, and `signal.reason`.
   */
  open(oid: Oid, priority: number = PRIORITY.read, signal?: AbortSignal): Promise<CachedBlob> {
    let isMissed = false;
    const opening = this.#unlessHere(oid, signal, () => {
      isMissed = !this.#fetcher.has(oid);
      return this.#fetcher.wait<CachedBlob>(oid, "open", priority, signal);
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
    const wait = (): Promise<number> => this.#fetcher.wait<number>(oid, "whole", priority, signal);
    return this.#fetcher.has(oid) ? wait() : this.#hydrate(oid, signal, wait);
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
    if (this.#fetcher.stopped !== undefined) return;
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
    this.#fetcher.enqueue(oid, priority);
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
            sizes.set(oid, await this.#fetcher.wait<number>(oid, "size", PRIORITY.size, signal));
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
    return this.#fetcher.idle();
  }

  /** Ends all waits with `MOUNT_STOPPED` and all fetches, and waits for these. Later calls are refused. */
  async stop(): Promise<void> {
    const reason = this.#fetcher.stopped ?? new MountError("MOUNT_STOPPED", "the mount is being taken away");
    this.#sizeRequests.stop(reason);
    await this.#fetcher.stop(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Fetches what whoever has opened this blob comes to next, as much of it as the cache will keep for them. */
  #walkOn(oid: Oid, isMissed: boolean): void {
    if (this.#walk === undefined || this.#fetcher.stopped !== undefined) return;
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
    if (this.#fetcher.stopped !== undefined) throw this.#fetcher.stopped;
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
    if (this.#fetcher.has(oid)) return otherwise();
    const opening = this.#cache.open(oid, { sizeBytes: this.#sizes.get(oid) });
    const blob =
      opening instanceof Promise ? await unlessAborted(opening, signal, (late) => late?.release()) : opening;
    if (blob === undefined) return otherwise();
    this.#sizes.learn(oid, blob.sizeBytes);
    return blob;
  }
}

/** Whether an error speaks of one blob, which the source does not have as it should be. */
export function isAbsent(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return code === "MOUNT_BLOB_MISSING" || code === "MOUNT_BLOB_DAMAGED";
}

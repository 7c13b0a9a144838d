import { hashObject, type Oid, oidFromBytes } from "@millrace/pack";
import { event } from "@millrace/telemetry";
import { PromisorError } from "./errors.ts";
import type { Promisor } from "./promisor.ts";
import type { EvictionOrder, OverfullPolicy } from "./schema.ts";
import type { FetchedObject, GitObject } from "./source/object-source.ts";

/** What a memory cache may hold. */
export interface MemoryCacheOptions {
  readonly maxCacheBytes: number;
  readonly eviction: EvictionOrder;
  readonly onOverfull: OverfullPolicy;
  readonly pinned: Iterable<Oid>;
}

/** The objects that a shared promisor has in memory: a value that is replaced, and the order in which they go. */
export class MemoryCache {
  readonly #options: MemoryCacheOptions;
  readonly #pinned: Set<Oid>;
  /** Ids in the order in which they go. Kept only where there is a bound. */
  readonly #order = new Set<Oid>();
  #promisor: Promisor;

  constructor(promisor: Promisor, options: MemoryCacheOptions) {
    this.#promisor = promisor;
    this.#options = options;
    this.#pinned = new Set(options.pinned);
    this.#enter(promisor.objects());
  }

  get promisor(): Promisor {
    return this.#promisor;
  }

  /** An object, used just now. */
  use(oid: Oid): GitObject | undefined {
    const here = this.#promisor.get(oid);
    if (here !== undefined && this.#options.eviction === "lru" && this.#order.delete(oid)) {
      this.#order.add(oid);
    }
    return here;
  }

  /** Adds objects whose ids are known to be right. Throws `PROMISOR_OVERFULL`, with all of them kept. */
  keep(found: readonly FetchedObject[]): void {
    this.#grow(() => this.#promisor.withFetched(found));
    this.#enter(found);
    this.#evict();
  }

  /** Adds what is elsewhere too, where there is room for it; it goes without a word. */
  keepCopy(copy: FetchedObject): void {
    try {
      this.#promisor = this.#promisor.withFetched([copy]);
    } catch (error) {
      if (error instanceof PromisorError && error.code === "PROMISOR_OVERFULL") return;
      throw error;
    }
    this.#enter([copy]);
    this.#drop();
  }

  /** Adds an object, which goes like others unless it is pinned. Throws as `keep`. */
  put(type: GitObject["type"], content: Uint8Array, isPinned: boolean): Oid {
    const oid = oidFromBytes(hashObject(this.#promisor.format, type, content), 0, this.#promisor.format);
    event("promisor.put", { object_bytes: content.length }, { oid, type });
    // Before it is here: there may be room for nothing else.
    if (isPinned) this.pin(oid);
    this.keep([{ oid, type, content }]);
    return oid;
  }

  pin(oid: Oid): void {
    this.#pinned.add(oid);
  }

  unpin(oid: Oid): void {
    this.#pinned.delete(oid);
    this.#evict();
  }

  #enter(found: Iterable<Pick<FetchedObject, "oid" | "type">>): void {
    const { maxCacheBytes, eviction } = this.#options;
    if (maxCacheBytes === Number.POSITIVE_INFINITY) return;
    for (const { oid, type } of found) {
      if (eviction === "commits-first-in" && (type !== "commit" || this.#order.has(oid))) continue;
      this.#order.delete(oid);
      this.#order.add(oid);
    }
  }

  /** Takes a grown promisor, also where it is more than the promisor itself is to hold, which is thrown on. */
  #grow(grown: () => Promisor): void {
    try {
      this.#promisor = grown();
    } catch (error) {
      if (error instanceof PromisorError && error.promisor !== undefined) this.#promisor = error.promisor;
      throw error;
    }
  }

  /** Drops objects until the cache is within its bound or holds only what does not go; answers what it holds too much. */
  #drop(): number {
    const { maxCacheBytes } = this.#options;
    let excess = this.#promisor.cacheBytes - maxCacheBytes;
    if (excess <= 0) return 0;
    const gone: Oid[] = [];
    for (const oid of this.#order) {
      if (excess <= 0) break;
      const size = this.#pinned.has(oid) ? undefined : this.#promisor.get(oid)?.content.length;
      if (size === undefined) continue;
      excess -= size;
      gone.push(oid);
    }
    for (const oid of gone) this.#order.delete(oid);
    this.#promisor = this.#promisor.without(gone);
    return excess;
  }

  #evict(): void {
    const { maxCacheBytes, onOverfull } = this.#options;
    if (this.#drop() <= 0) return;
    const { cacheBytes } = this.#promisor;
    const policy = typeof onOverfull === "string" ? onOverfull : "callback";
    event("promisor.overfull", { cache_bytes: cacheBytes, max_bytes: maxCacheBytes }, { policy });
    if (onOverfull === "error") {
      const message = `the cache holds ${cacheBytes} bytes and may hold ${maxCacheBytes}`;
      throw new PromisorError("PROMISOR_OVERFULL", message, { promisor: this.#promisor });
    }
    if (onOverfull !== "log") onOverfull(cacheBytes, maxCacheBytes);
  }
}

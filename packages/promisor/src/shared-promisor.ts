import { setMaxListeners } from "node:events";
import { type ObjectFormat, type Oid, oidFromBytes } from "@millrace/pack";
import { event } from "@millrace/telemetry";
import { objectMissing, PromisorError } from "./errors.ts";
import type { Promisor, ResolveOptions } from "./promisor.ts";
import { type FilledSharedPromisorOptions, SharedPromisorOptions } from "./schema.ts";
import type { FetchedObject, FetchOptions, GitObject } from "./source/object-source.ts";

/** An object on its way: who waits for it, and the fetch that brings it. */
interface Flight {
  readonly oid: Oid;
  readonly promise: Promise<GitObject>;
  readonly settle: (object: GitObject) => void;
  readonly fail: (reason: unknown) => void;
  waiters: number;
  batch: Batch | undefined;
}

/** A fetch under way, which ends when nobody waits for any of its objects. */
interface Batch {
  readonly flights: readonly Flight[];
  readonly stop: AbortController;
}

/** What a server says of an object that it does not have, or does not give away (the `remoteMessage` of an error). */
const NOT_OUR_REF = /not our ref ([0-9a-f]{40,64})/;

/**
 * One cache for many readers. Each object crosses the wire once, however many ask for it at once; misses of the same moment
 * travel in one request; what is here is answered at once, whatever is being fetched.
 *
 * @throws ZodError where the options are malformed.
 */
export class SharedPromisor {
  readonly #options: FilledSharedPromisorOptions;
  readonly #flights = new Map<Oid, Flight>();
  readonly #pinned: Set<Oid>;
  /** Ids by their last use, those used longest ago first. Kept only where the cache has a bound. */
  readonly #used = new Set<Oid>();
  #waiting: Flight[] = [];
  #fetches = 0;
  #isScheduled = false;
  #promisor: Promisor;

  constructor(promisor: Promisor, options: SharedPromisorOptions = {}) {
    this.#promisor = promisor;
    this.#options = SharedPromisorOptions.parse(options);
    this.#pinned = new Set(this.#options.pinned);
    for (const { oid } of promisor.objects()) this.#touch(oid);
  }

  get format(): ObjectFormat {
    return this.#promisor.format;
  }

  /** What is here now, as a value. */
  snapshot(): Promisor {
    return this.#promisor;
  }

  /** Whether the object is here; nothing is fetched. */
  isHere(oid: Oid): boolean {
    return this.#promisor.has(oid);
  }

  /** The object if it is here, used just now; nothing is fetched. */
  peek(oid: Oid): GitObject | undefined {
    const here = this.#promisor.get(oid);
    if (here !== undefined) this.#touch(oid);
    return here;
  }

  /**
   * The object, fetched if it is not here.
   * Throws `PROMISOR_OBJECT_MISSING`, what the source throws, and `signal.reason`, which ends only this wait.
   */
  async resolve(oid: Oid, { signal }: ResolveOptions = {}): Promise<GitObject> {
    signal?.throwIfAborted();
    const here = this.peek(oid);
    if (here !== undefined) return here;
    const flight = this.#flights.get(oid) ?? this.#take(oid);
    return this.#await([flight], signal, () => flight.promise);
  }

  /** The object of a raw id, for those who read a repository's objects. Throws as `resolve`. */
  read(oid: Uint8Array, options: ResolveOptions = {}): Promise<GitObject> {
    return this.resolve(oidFromBytes(oid, 0, this.format), options);
  }

  /** Brings these objects here in as few requests as it takes; those that do not come are no error. Throws as `resolve`. */
  async prefetch(oids: Iterable<Oid>, { signal }: ResolveOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const flights: Flight[] = [];
    for (const oid of new Set(oids)) {
      if (!this.isHere(oid)) flights.push(this.#flights.get(oid) ?? this.#take(oid));
    }
    await this.#await(flights, signal, async () => {
      await Promise.all(flights.map(({ promise }) => promise.catch(ignoreMissing)));
    });
  }

  /**
   * Bytes of objects' contents, of those that are here or that the source can tell of; no object is fetched.
   * Throws what the source throws, and `signal.reason`.
   */
  async sizes(oids: Iterable<Oid>, options: ResolveOptions = {}): Promise<ReadonlyMap<Oid, number>> {
    const sizes = new Map<Oid, number>();
    const absent = new Set<Oid>();
    for (const oid of oids) {
      const here = this.#promisor.get(oid);
      if (here === undefined) absent.add(oid);
      else sizes.set(oid, here.content.length);
    }
    if (absent.size === 0) return sizes;
    try {
      const told = await this.#promisor.source.sizes?.([...absent], options);
      for (const [oid, size] of told ?? []) sizes.set(oid, size);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "PROTOCOL_UNSUPPORTED") throw error;
    }
    return sizes;
  }

  /** Fetches objects and what comes along with them. Throws what the source throws. */
  async fetchWithFilter(wants: readonly Oid[], options: FetchOptions = {}): Promise<void> {
    this.#keep(await this.#promisor.source.fetch(wants, options));
  }

  /** Adds an object. */
  put(type: GitObject["type"], content: Uint8Array): Oid {
    const { oid, promisor } = this.#promisor.put(type, content);
    this.#promisor = promisor;
    this.#touch(oid);
    this.#evict();
    return oid;
  }

  /** An object that stays, once it is here. */
  pin(oid: Oid): void {
    this.#pinned.add(oid);
  }

  /** It may go again. */
  unpin(oid: Oid): void {
    this.#pinned.delete(oid);
    this.#evict();
  }

  /** A new flight, which leaves with the others of this turn. */
  #take(oid: Oid): Flight {
    let settle: Flight["settle"] = () => undefined;
    let fail: Flight["fail"] = () => undefined;
    const promise = new Promise<GitObject>((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    // Whoever has left does not hear of its end.
    promise.catch(() => undefined);
    const flight: Flight = { oid, promise, settle, fail, waiters: 0, batch: undefined };
    this.#flights.set(oid, flight);
    this.#waiting.push(flight);
    this.#schedule();
    return flight;
  }

  /** Waits for flights, for as long as `signal` lets it; who leaves is counted out of each. */
  async #await<T>(
    flights: readonly Flight[],
    signal: AbortSignal | undefined,
    landing: () => Promise<T>,
  ): Promise<T> {
    for (const flight of flights) flight.waiters++;
    let leave: () => void = () => undefined;
    try {
      if (signal === undefined) return await landing();
      // Many may wait under one signal.
      setMaxListeners(0, signal);
      const left = new Promise<never>((_, reject) => {
        leave = () => reject(signal.reason as Error);
        signal.addEventListener("abort", leave, { once: true });
      });
      return await Promise.race([landing(), left]);
    } finally {
      signal?.removeEventListener("abort", leave);
      for (const flight of flights) if (--flight.waiters === 0) this.#abandon(flight);
    }
  }

  /** Nobody waits for this one any more: it does not leave, or its fetch ends with the last such. */
  #abandon(flight: Flight): void {
    if (this.#flights.get(flight.oid) !== flight) return;
    if (flight.batch === undefined) {
      this.#flights.delete(flight.oid);
      this.#waiting = this.#waiting.filter((other) => other !== flight);
    } else if (flight.batch.flights.every(({ waiters }) => waiters === 0)) {
      for (const { oid } of flight.batch.flights) this.#flights.delete(oid);
      flight.batch.stop.abort();
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#depart();
    });
  }

  #depart(): void {
    const { maxFetches, maxWants } = this.#options;
    while (this.#waiting.length > 0 && this.#fetches < maxFetches) {
      const flights = this.#waiting.splice(0, maxWants);
      const batch: Batch = { flights, stop: new AbortController() };
      for (const flight of flights) flight.batch = batch;
      this.#fetches++;
      void this.#fetch(batch).finally(() => {
        this.#fetches--;
        this.#depart();
      });
    }
  }

  async #fetch(batch: Batch): Promise<void> {
    const { signal } = batch.stop;
    let open = batch.flights;
    while (open.length > 0) {
      try {
        const found = await this.#promisor.fetchObjects(
          open.map(({ oid }) => oid),
          { signal },
        );
        this.#keep(found);
        const came = new Map(found.map((object) => [object.oid, object]));
        for (const flight of open) {
          const object = came.get(flight.oid);
          if (object === undefined) this.#end(flight, objectMissing(flight.oid));
          else this.#land(flight, object);
        }
        return;
      } catch (error) {
        // One that the server does not have must not keep the others away.
        const unknown = open.find(({ oid }) => oid === unknownTo(error));
        if (unknown === undefined) {
          for (const flight of open) this.#end(flight, error);
          return;
        }
        this.#end(unknown, objectMissing(unknown.oid, { cause: error }));
        open = open.filter((flight) => flight !== unknown);
      }
    }
  }

  #land(flight: Flight, { type, content }: GitObject): void {
    this.#forget(flight);
    flight.settle({ type, content });
  }

  #end(flight: Flight, reason: unknown): void {
    this.#forget(flight);
    flight.fail(reason);
  }

  #forget(flight: Flight): void {
    if (this.#flights.get(flight.oid) === flight) this.#flights.delete(flight.oid);
  }

  #keep(found: readonly FetchedObject[]): void {
    this.#promisor = this.#promisor.withFetched(found);
    for (const { oid } of found) this.#touch(oid);
    this.#evict();
  }

  /** Used just now. */
  #touch(oid: Oid): void {
    if (this.#options.maxCacheBytes === Number.POSITIVE_INFINITY) return;
    this.#used.delete(oid);
    this.#used.add(oid);
  }

  /** Drops what was used longest ago, until the cache is within its bound or holds only what is pinned. */
  #evict(): void {
    const { maxCacheBytes } = this.#options;
    let excess = this.#promisor.cacheBytes - maxCacheBytes;
    if (excess <= 0) return;
    const gone: Oid[] = [];
    for (const oid of this.#used) {
      if (excess <= 0) break;
      const size = this.#pinned.has(oid) ? undefined : this.#promisor.get(oid)?.content.length;
      if (size === undefined) continue;
      excess -= size;
      gone.push(oid);
    }
    for (const oid of gone) this.#used.delete(oid);
    this.#promisor = this.#promisor.without(gone);
    if (excess > 0) {
      event("promisor.overfull", { cache_bytes: this.#promisor.cacheBytes, max_bytes: maxCacheBytes });
    }
  }
}

/** The object that a server says it does not have. */
function unknownTo(error: unknown): Oid | undefined {
  const { code, remoteMessage } = (error ?? {}) as {
    readonly code?: unknown;
    readonly remoteMessage?: string;
  };
  return code === "PROTOCOL_REMOTE_FAILED" ? NOT_OUR_REF.exec(remoteMessage ?? "")?.[1] : undefined;
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof PromisorError) || error.code !== "PROMISOR_OBJECT_MISSING") throw error;
}

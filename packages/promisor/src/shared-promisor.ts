import { type ObjectFormat, type Oid, oidFromBytes } from "@millrace/pack";
import { objectMissing, PromisorError } from "./errors.ts";
import { MemoryCache } from "./memory-cache.ts";
import type { Promisor, ResolveOptions } from "./promisor.ts";
import { type FilledSharedPromisorOptions, SharedPromisorOptions } from "./schema.ts";
import type { FetchOptions, GitObject } from "./source/object-source.ts";
import type { StoreCache } from "./store/store-cache.ts";
import { untilAborted } from "./until-aborted.ts";

/** An object on its way: who waits for it, and the fetch that brings it. */
interface Flight {
  readonly oid: Oid;
  /** The object, `undefined` where it is in the store now. */
  readonly promise: Promise<GitObject | undefined>;
  readonly settle: (object: GitObject | undefined) => void;
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

/** Copies in memory of what a store has. */
const COPIES_BYTES = 64 * 1024 * 1024;

/**
 * One cache for many readers, in memory or in a store. Each object crosses the wire once, however many ask for it at once; misses of the same moment
 * travel in one request; what is here is answered at once, whatever is being fetched.
 *
 * @throws ZodError where the options are malformed.
 */
export class SharedPromisor {
  readonly #options: FilledSharedPromisorOptions;
  readonly #memory: MemoryCache;
  readonly #store: StoreCache | undefined;
  /** Copies of what the store has that are larger are not kept in memory. */
  readonly #maxCopyBytes: number;
  readonly #reads = new Map<Oid, Promise<GitObject | undefined>>();
  readonly #flights = new Map<Oid, Flight>();
  /** Flights of this turn. */
  #fresh: Flight[] = [];
  /** Flights that wait for a fetch to take them. */
  #waiting: Flight[] = [];
  #fetches = 0;

  constructor(promisor: Promisor, options: SharedPromisorOptions = {}) {
    this.#options = SharedPromisorOptions.parse(options);
    this.#store = this.#options.store;
    const usual = this.#store === undefined ? Number.POSITIVE_INFINITY : COPIES_BYTES;
    const { maxCacheBytes = usual } = this.#options;
    // Copies of all types go.
    const eviction = this.#store === undefined ? this.#options.eviction : "lru";
    this.#memory = new MemoryCache(promisor, { ...this.#options, maxCacheBytes, eviction });
    this.#maxCopyBytes = maxCacheBytes / 16;
  }

  get format(): ObjectFormat {
    return this.#memory.promisor.format;
  }

  /** What is in memory now, as a value. */
  snapshot(): Promisor {
    return this.#memory.promisor;
  }

  /** Whether the object is here, in memory or in a pack that the store has open; nothing is read or fetched. */
  isHere(oid: Oid): boolean {
    return this.#memory.promisor.has(oid) || this.#store?.isAtHand(oid) === true;
  }

  /** The object if it is in memory, used just now; nothing is fetched. */
  peek(oid: Oid): GitObject | undefined {
    return this.#memory.use(oid);
  }

  /**
   * The object, fetched if it is not here.
   * Throws `PROMISOR_OBJECT_MISSING`, what the source throws, `PROMISOR_OVERFULL`, and `signal.reason`, which ends only this
   * wait.
   */
  async resolve(oid: Oid, { signal }: ResolveOptions = {}): Promise<GitObject> {
    signal?.throwIfAborted();
    // What the store had a moment ago may be gone, and is fetched again.
    for (let attempt = 0; attempt < 3; attempt++) {
      const here = this.peek(oid);
      if (here !== undefined) return here;
      if (this.#store?.isAtHand(oid) === true || attempt > 0) {
        const kept = await untilAborted(this.#readKept(oid), signal);
        if (kept !== undefined) return kept;
      }
      const flight = this.#flights.get(oid) ?? this.#take(oid);
      const landed = await this.#await([flight], signal, flight.promise);
      if (landed !== undefined) return landed;
    }
    throw objectMissing(oid);
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
    await this.#await(
      flights,
      signal,
      Promise.all(flights.map(({ promise }) => promise.catch(ignoreMissing))),
    );
  }

  /**
   * Bytes of objects' contents, of those that are here or that the source can tell of; no object is fetched.
   * Throws what the source throws, and `signal.reason`.
   */
  async sizes(oids: Iterable<Oid>, options: ResolveOptions = {}): Promise<ReadonlyMap<Oid, number>> {
    const sizes = new Map<Oid, number>();
    const absent = new Set<Oid>();
    for (const oid of oids) {
      const here = this.#memory.promisor.get(oid);
      if (here === undefined) absent.add(oid);
      else sizes.set(oid, here.content.length);
    }
    if (this.#store !== undefined && absent.size > 0) {
      for (const [oid, size] of await untilAborted(this.#store.sizes([...absent]), options.signal)) {
        sizes.set(oid, size);
        absent.delete(oid);
      }
    }
    if (absent.size === 0) return sizes;
    try {
      const told = await this.#memory.promisor.source.sizes?.([...absent], options);
      for (const [oid, size] of told ?? []) sizes.set(oid, size);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "PROTOCOL_UNSUPPORTED") throw error;
    }
    return sizes;
  }

  /** Fetches objects and what comes along with them. Throws what the source throws, and `PROMISOR_OVERFULL`. */
  async fetchWithFilter(wants: readonly Oid[], options: FetchOptions = {}): Promise<void> {
    const { promisor } = this.#memory;
    if (this.#store === undefined) this.#memory.keep(await promisor.source.fetch(wants, options));
    else await promisor.fetchInto(this.#store, wants, options);
  }

  /** The ids of objects that are here, in memory or in packs, and begin like this. */
  async withPrefix(hex: string): Promise<ReadonlySet<Oid>> {
    const found = new Set(await this.#store?.withPrefix(hex));
    for (const { oid } of this.#memory.promisor.objects()) if (oid.startsWith(hex)) found.add(oid);
    return found;
  }

  /** Adds an object, in memory: a store is for what is fetched. Throws `PROMISOR_OVERFULL`; it is here nevertheless. */
  put(type: GitObject["type"], content: Uint8Array): Oid {
    return this.#memory.put(type, content);
  }

  /** An object that stays in memory, once it is there. */
  pin(oid: Oid): void {
    this.#memory.pin(oid);
  }

  /** It may go again. */
  unpin(oid: Oid): void {
    this.#memory.unpin(oid);
  }

  /** What the store has of an object, read once for all who ask. */
  #readKept(oid: Oid): Promise<GitObject | undefined> {
    let reading = this.#reads.get(oid);
    if (reading === undefined) {
      reading = (async () => {
        try {
          const object = await this.#store?.read(oid);
          if (object !== undefined && object.content.length <= this.#maxCopyBytes) {
            this.#memory.keepCopy({ oid, ...object });
          }
          return object;
        } finally {
          this.#reads.delete(oid);
        }
      })();
      this.#reads.set(oid, reading);
    }
    return reading;
  }

  /** A new flight, which leaves with the others of this turn. */
  #take(oid: Oid): Flight {
    let settle: Flight["settle"] = () => undefined;
    let fail: Flight["fail"] = () => undefined;
    const promise = new Promise<GitObject | undefined>((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    // Whoever has left does not hear of its end.
    promise.catch(() => undefined);
    const flight: Flight = { oid, promise, settle, fail, waiters: 0, batch: undefined };
    this.#flights.set(oid, flight);
    if (this.#fresh.length === 0) setImmediate(() => void this.#look(this.#fresh.splice(0)));
    this.#fresh.push(flight);
    return flight;
  }

  /** Waits for flights, for as long as `signal` lets it; who leaves is counted out of each. */
  async #await<T>(
    flights: readonly Flight[],
    signal: AbortSignal | undefined,
    landing: Promise<T>,
  ): Promise<T> {
    for (const flight of flights) flight.waiters++;
    try {
      return await untilAborted(landing, signal);
    } finally {
      for (const flight of flights) if (--flight.waiters === 0) this.#abandon(flight);
    }
  }

  /** Nobody waits for this one any more: it does not leave, or its fetch ends with the last such. */
  #abandon(flight: Flight): void {
    if (this.#flights.get(flight.oid) !== flight) return;
    if (flight.batch === undefined) {
      this.#flights.delete(flight.oid);
      this.#fresh = this.#fresh.filter((other) => other !== flight);
      this.#waiting = this.#waiting.filter((other) => other !== flight);
    } else if (flight.batch.flights.every(({ waiters }) => waiters === 0)) {
      for (const { oid } of flight.batch.flights) this.#flights.delete(oid);
      flight.batch.stop.abort();
    }
  }

  /** Lets flights land whose objects the store has after all, git may have brought them, and has the others wait for a fetch. */
  async #look(flights: readonly Flight[]): Promise<void> {
    try {
      await this.#landKept(flights);
    } catch (error) {
      for (const flight of flights) this.#end(flight, error);
    }
    this.#waiting.push(...flights.filter((flight) => this.#flights.get(flight.oid) === flight));
    this.#depart();
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
    // What came along with others meanwhile needs no fetch.
    let open = batch.flights.filter((flight) => !this.#landFound(flight));
    while (open.length > 0) {
      try {
        await this.#bring(open, signal);
        for (const flight of open) {
          if (this.#flights.get(flight.oid) === flight) this.#end(flight, objectMissing(flight.oid));
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

  /** One fetch; flights whose objects came have landed then. */
  async #bring(flights: readonly Flight[], signal: AbortSignal): Promise<void> {
    const wants = flights.map(({ oid }) => oid);
    const { promisor } = this.#memory;
    if (this.#store !== undefined) {
      await promisor.fetchInto(this.#store, wants, { ...promisor.fetchOptions, signal });
      await this.#landKept(flights);
      return;
    }
    const found = await promisor.fetchObjects(wants, { signal });
    this.#memory.keep(found);
    const came = new Map(found.map(({ oid, type, content }) => [oid, { type, content }]));
    for (const flight of flights) if (came.has(flight.oid)) this.#land(flight, came.get(flight.oid));
  }

  /** Lands the flights whose objects the store has. */
  async #landKept(flights: readonly Flight[]): Promise<void> {
    if (this.#store === undefined) return;
    const absent = new Set(await this.#store.missing(flights.map(({ oid }) => oid)));
    for (const flight of flights) if (!absent.has(flight.oid)) this.#land(flight, undefined);
  }

  /** Lands a flight whose object is at hand; answers whether it was. */
  #landFound(flight: Flight): boolean {
    const isHere = this.isHere(flight.oid);
    if (isHere) this.#land(flight, this.peek(flight.oid));
    return isHere;
  }

  #land(flight: Flight, object: GitObject | undefined): void {
    this.#forget(flight);
    flight.settle(object);
  }

  #end(flight: Flight, reason: unknown): void {
    this.#forget(flight);
    flight.fail(reason);
  }

  #forget(flight: Flight): void {
    if (this.#flights.get(flight.oid) === flight) this.#flights.delete(flight.oid);
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

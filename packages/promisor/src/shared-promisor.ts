import { type ObjectFormat, type Oid, oidFromBytes, type PackedStream } from "@millrace/pack";
import { type ObjectInfo, type ObjectReader, RepositoryError } from "@millrace/repository";
import { span } from "@millrace/telemetry";
import { objectMissing, PromisorError } from "./errors.ts";
import { deliver } from "./deliver.ts";
import { type Batch, type Flight, Flights } from "./flights.ts";
import type { ObjectTaker } from "./handover.ts";
import { MemoryCache } from "./memory-cache.ts";
import type { Promisor, ResolveOptions } from "./promisor.ts";
import { type FilledSharedPromisorOptions, SharedPromisorOptions } from "./schema.ts";
import type { FetchOptions, GitObject } from "./source/object-source.ts";
import { fetchWithoutUnknown } from "./source/fetch-without-unknown.ts";
import type { StoreCache } from "./store/store-cache.ts";
import { untilAborted } from "./until-aborted.ts";

const PIECE_BYTES = 256 * 1024;

/** Copies in memory of what a store has. */
const COPIES_BYTES = 64 * 1024 * 1024;

/**
 * One cache for many readers, in memory or in a store. Each object crosses the wire once, however many ask for it at once;
 * misses of the same moment travel in one request; what is here is answered at once, whatever is being fetched.
 * It is an `ObjectReader`: what walks over a repository walks over this one too, and fetches as it goes.
 *
 * @throws ZodError where the options are malformed.
 */
export class SharedPromisor implements ObjectReader {
  readonly #options: FilledSharedPromisorOptions;
  readonly #memory: MemoryCache;
  readonly #store: StoreCache | undefined;
  /** Copies of what the store has that are larger are not kept in memory. */
  readonly #maxCopyBytes: number;
  readonly #reads = new Map<Oid, Promise<GitObject | undefined>>();
  readonly #flights = new Flights((flights) => void this.#look(flights));
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
  resolve(oid: Oid, { signal }: ResolveOptions = {}): Promise<GitObject> {
    return span("promisor.resolve", { oid }, async (handle) => {
      const object = await this.#resolve(oid, signal, (outcome) => handle.set("outcome", outcome));
      handle.set("object_bytes", object.content.length);
      return object;
    });
  }

  async #resolve(
    oid: Oid,
    signal: AbortSignal | undefined,
    tell: (outcome: "here" | "kept" | "fetched") => void,
  ): Promise<GitObject> {
    signal?.throwIfAborted();
    tell("here");
    // What the store had a moment ago may be gone, and is fetched again.
    for (let attempt = 0; attempt < 3; attempt++) {
      const here = this.peek(oid);
      if (here !== undefined) return here;
      if (this.#store?.isAtHand(oid) === true || attempt > 0) {
        if (attempt === 0) tell("kept");
        const kept = await untilAborted(this.#readKept(oid), signal);
        if (kept !== undefined) return kept;
      }
      tell("fetched");
      const flight = this.#flights.take(oid);
      const landed = await this.#flights.await([flight], signal, flight.promise);
      if (landed !== undefined) return landed;
    }
    throw objectMissing(oid);
  }

  /**
   * The object of a raw id, for those who read a repository's objects.
   * Throws `REPOSITORY_OBJECT_MISSING` (`RepositoryError`) where it does not come, else as `resolve`.
   */
  async read(bytes: Uint8Array, options: ResolveOptions = {}): Promise<GitObject> {
    const oid = oidFromBytes(bytes, 0, this.format);
    try {
      return await this.resolve(oid, options);
    } catch (cause) {
      if (!isMissing(cause)) throw cause;
      throw new RepositoryError("REPOSITORY_OBJECT_MISSING", cause.message, { oid, cause });
    }
  }

  /** Type and size of an object, which is fetched for it if it is not here; `undefined` where it does not come. */
  async info(bytes: Uint8Array): Promise<ObjectInfo | undefined> {
    const oid = oidFromBytes(bytes, 0, this.format);
    const here = this.peek(oid);
    if (here === undefined) {
      const kept = await this.#store?.info(oid);
      if (kept !== undefined) return kept;
    }
    try {
      const { type, content } = here ?? (await this.resolve(oid));
      return { type, sizeBytes: content.length };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Whether an object can be had; it is fetched if it is not here. */
  async has(bytes: Uint8Array): Promise<boolean> {
    return (await this.info(bytes)) !== undefined;
  }

  /** None: a graph tells of packs that have what they refer to. */
  graphs(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** None, for the same reason. */
  bitmaps(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  /** None: it tells of commits that may not be here yet. */
  commitGraph(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Nothing counts as packed: what is here may be anywhere. */
  isPacked(): boolean {
    return false;
  }

  /** Brings these objects here in as few requests as it takes; those that do not come are no error. Throws as `resolve`. */
  async prefetch(oids: Iterable<Oid>, { signal }: ResolveOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const flights = [...new Set(oids)]
      .filter((oid) => !this.isHere(oid))
      .map((oid) => this.#flights.take(oid));
    const landing = Promise.all(flights.map(({ promise }) => promise.catch(ignoreMissing)));
    await this.#flights.await(flights, signal, landing);
  }

  /**
   * Hands these objects over, each once, as they come: what is here at once, the rest in one fetch, before the pack is kept that
   * they come in. It resolves when that is kept. Those that do not come are no error, and nobody else's fetch is waited for.
   * Throws what the source and the taker throw, and `signal.reason`.
   */
  async deliver(oids: Iterable<Oid>, taker: ObjectTaker, { signal }: ResolveOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const wanted = [...new Set(oids)];
    if (this.#store !== undefined) {
      await deliver({ store: this.#store, promisor: this.#memory.promisor }, wanted, taker, signal);
      return;
    }
    const hand = async (oid: Oid): Promise<void> => {
      const object = await this.resolve(oid, { signal }).catch(ignoreMissing);
      if (object !== undefined) await taker.whole(oid, object);
    };
    await Promise.all(wanted.map(hand));
  }

  /** Those of these objects that would have to be fetched; nothing is. */
  async missing(oids: Iterable<Oid>): Promise<readonly Oid[]> {
    const absent = [...oids].filter((oid) => !this.isHere(oid));
    return this.#store === undefined || absent.length === 0 ? absent : this.#store.missing(absent);
  }

  /**
   * An object piece by piece, the pieces being the receiver's. Out of a store even a large one is never held whole, unless it
   * is stored as a difference to another one; memory alone has it whole anyway. Throws as `resolve`, also while it is read.
   */
  async stream(oid: Oid, options: ResolveOptions = {}): Promise<PackedStream> {
    const store = this.#store;
    if (store !== undefined && this.peek(oid) === undefined) {
      if (!store.isAtHand(oid)) await this.prefetch([oid], options);
      const stream = await untilAborted(store.stream(oid, options), options.signal);
      if (stream !== undefined) return stream;
    }
    const { type, content } = await this.resolve(oid, options);
    return { type, sizeBytes: content.length, content: pieces(content, options) };
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
    if (this.#store === undefined) this.#memory.keep(await promisor.fetchObjects(wants, options));
    else await promisor.fetchInto(this.#store, wants, options);
  }

  /** The ids of objects that are here, in memory or in the store, and begin like this. */
  async withPrefix(hex: string): Promise<ReadonlySet<Oid>> {
    const found = new Set(await this.#store?.withPrefix(hex));
    for (const { oid } of this.#memory.promisor.objects()) if (oid.startsWith(hex)) found.add(oid);
    return found;
  }

  /**
   * Adds an object, in memory: a store is for what is fetched. Where there is no room it goes again, unless it is pinned from
   * the beginning. Throws `PROMISOR_OVERFULL`; a pinned one is here nevertheless.
   */
  put(
    type: GitObject["type"],
    content: Uint8Array,
    options: { readonly pin?: boolean | undefined } = {},
  ): Oid {
    return this.#memory.put(type, content, options.pin === true);
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

  /** Lets flights land whose objects the store has after all, git may have brought them, and has the others wait for a fetch. */
  async #look(flights: readonly Flight[]): Promise<void> {
    try {
      await this.#landKept(flights);
    } catch (error) {
      for (const flight of flights) this.#flights.fail(flight, error);
    }
    this.#flights.enqueue(flights);
    this.#depart();
  }

  #depart(): void {
    const { maxFetches, maxWants } = this.#options;
    while (this.#fetches < maxFetches) {
      const batch = this.#flights.nextBatch(maxWants);
      if (batch === undefined) return;
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
    try {
      await fetchWithoutUnknown(
        () => open.map(({ oid }) => oid),
        () => this.#bring(open, signal),
        (oid, cause) => {
          const unknown = open.filter((flight) => flight.oid === oid);
          for (const flight of unknown) this.#flights.fail(flight, objectMissing(oid, { cause }));
          open = open.filter((flight) => flight.oid !== oid);
        },
      );
    } catch (error) {
      for (const flight of open) this.#flights.fail(flight, error);
      return;
    }
    for (const flight of open) {
      if (this.#flights.isOpen(flight)) this.#flights.fail(flight, objectMissing(flight.oid));
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
    const found = await promisor.fetchObjects(wants, { ...promisor.fetchOptions, signal });
    this.#memory.keep(found);
    const came = new Map(found.map(({ oid, type, content }) => [oid, { type, content }]));
    for (const flight of flights) if (came.has(flight.oid)) this.#flights.land(flight, came.get(flight.oid));
  }

  /** Lands the flights whose objects the store has. */
  async #landKept(flights: readonly Flight[]): Promise<void> {
    if (this.#store === undefined) return;
    const absent = new Set(await this.#store.missing(flights.map(({ oid }) => oid)));
    for (const flight of flights) if (!absent.has(flight.oid)) this.#flights.land(flight, undefined);
  }

  /** Lands a flight whose object is at hand; answers whether it was. */
  #landFound(flight: Flight): boolean {
    const isHere = this.isHere(flight.oid);
    if (isHere) this.#flights.land(flight, this.peek(flight.oid));
    return isHere;
  }
}

async function* pieces(
  content: Uint8Array,
  { signal }: ResolveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < content.length; at += PIECE_BYTES) {
    signal?.throwIfAborted();
    yield content.slice(at, at + PIECE_BYTES);
  }
}

function isMissing(error: unknown): error is PromisorError {
  return error instanceof PromisorError && error.code === "PROMISOR_OBJECT_MISSING";
}

function ignoreMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

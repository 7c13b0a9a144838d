import {
  formatObjectFilter,
  hashObject,
  type ObjectFormat,
  type ObjectType,
  type Oid,
  oidFromBytes,
} from "@millrace/pack";
import { event, span } from "@millrace/telemetry";
import { objectMissing, PromisorError } from "./errors.ts";
import { addObjects, dropCommits, dropObjects, EMPTY_CACHE, type ObjectCache } from "./object-cache.ts";
import type { Handover } from "./handover.ts";
import { openPack } from "./source/open-pack.ts";
import { takePack } from "./source/take-pack.ts";
import { type FilledPromisorOptions, PromisorOptions } from "./schema.ts";
import type { FetchedObject, FetchOptions, GitObject, ObjectSource } from "./source/object-source.ts";
import type { StoreCache } from "./store/store-cache.ts";

/** What a promise came to: the object, and the promisor that has it and what came along. */
export interface Resolution {
  readonly object: GitObject;
  readonly promisor: Promisor;
}

/** What every call takes that may wait. */
export interface ResolveOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a promisor without objects.
 * Throws what the source throws where it is asked for its object format; ZodError where the options are malformed.
 */
export async function createPromisor(
  source: ObjectSource,
  options: PromisorOptions & ResolveOptions = {},
): Promise<Promisor> {
  const { signal, ...rest } = options;
  const format = await source.objectFormat({ signal });
  return new Promisor(source, format, PromisorOptions.parse(rest), EMPTY_CACHE);
}

/**
 * Objects of a repository, some here and the others promised by its source. It is a value: nothing changes it, and what
 * grows it makes another one that shares what both have. Two holders of one promisor who fetch each get one of their own;
 * whoever wants one cache for many takes a `SharedPromisor`.
 */
export class Promisor {
  readonly source: ObjectSource;
  readonly format: ObjectFormat;
  readonly #options: FilledPromisorOptions;
  readonly #cache: ObjectCache;

  /** @internal Use `createPromisor`. */
  constructor(
    source: ObjectSource,
    format: ObjectFormat,
    options: FilledPromisorOptions,
    cache: ObjectCache,
  ) {
    this.source = source;
    this.format = format;
    this.#options = options;
    this.#cache = cache;
  }

  /** How many objects are here. */
  get objectCount(): number {
    return this.#cache.objects.size;
  }

  /** Bytes of their contents. */
  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  get isEmpty(): boolean {
    return this.objectCount === 0;
  }

  /** Whether the object is here; nothing is fetched. */
  has(oid: Oid): boolean {
    return this.#cache.objects.get(oid) !== undefined;
  }

  /** The object if it is here; nothing is fetched. */
  get(oid: Oid): GitObject | undefined {
    return this.#cache.objects.get(oid);
  }

  /** Bytes of an object's content. Throws `PROMISOR_NOT_LOCAL` where the object is not here; nothing is fetched. */
  objectSize(oid: Oid): number {
    const object = this.get(oid);
    if (object === undefined) {
      throw new PromisorError("PROMISOR_NOT_LOCAL", `object ${oid} is not here`, { oid });
    }
    return object.content.length;
  }

  /** The objects that are here, in no order. */
  *objects(): Generator<FetchedObject, void, undefined> {
    for (const [oid, object] of this.#cache.objects) yield { oid, ...object };
  }

  /**
   * The object, fetched if it is not here.
   * Throws `PROMISOR_OBJECT_MISSING` where it did not come: what came instead is in the error's `promisor`;
   * `PROMISOR_OVERFULL`, also with `promisor`; and what the source throws, after which nothing has changed.
   */
  resolve(oid: Oid, options: ResolveOptions = {}): Promise<Resolution> {
    return span("promisor.resolve", { oid }, async (handle) => {
      const resolution = await this.#resolve(oid, options);
      handle.set("outcome", resolution.promisor === this ? "here" : "fetched");
      handle.set("object_bytes", resolution.object.content.length);
      return resolution;
    });
  }

  async #resolve(oid: Oid, options: ResolveOptions): Promise<Resolution> {
    const here = this.get(oid);
    if (here !== undefined) return { object: here, promisor: this };
    const found = await this.#fetch([oid], { ...this.#options.fetch, ...options });
    const promisor = this.#grown(found);
    const object = found.find((each) => each.oid === oid);
    if (object === undefined) throw objectMissing(oid, { promisor });
    return { object: { type: object.type, content: object.content }, promisor };
  }

  /** Fetches objects and what comes along, whether they are here or not. Throws as `resolve`, less the missing objects. */
  async fetchWithFilter(wants: readonly Oid[], options: FetchOptions = {}): Promise<Promisor> {
    return this.#grown(await this.#fetch(wants, options));
  }

  /** What comes for these objects, in one fetch; this promisor stays as it is. Throws what the source throws. */
  fetchObjects(wants: readonly Oid[], options: FetchOptions = {}): Promise<readonly FetchedObject[]> {
    return this.#fetch(wants, options);
  }

  /**
   * Brings these objects and what comes along into a store instead of memory, in one fetch, with what a promisor asks for where
   * `options` say nothing else; `handover` has them while they come. Throws what the source throws, and as `StoreCache.keep`.
   */
  fetchInto(
    store: StoreCache,
    wants: readonly Oid[],
    options: FetchOptions & { readonly handover?: Handover | undefined } = {},
  ): Promise<void> {
    return span("promisor.fetch", this.#told(options), async (handle) => {
      handle.set("want_count", wants.length);
      const objectCount = await takePack(
        () => openPack(this.source, this.format, wants, options),
        (fetched) => store.keep(fetched, options),
      );
      handle.set("object_count", objectCount ?? 0);
    });
  }

  /** What a fetch of single objects asks for. */
  get fetchOptions(): FetchOptions {
    return this.#options.fetch;
  }

  /** Adds an object. Throws `PROMISOR_OVERFULL`. */
  put(type: ObjectType, content: Uint8Array): { readonly oid: Oid; readonly promisor: Promisor } {
    const oid = oidFromBytes(hashObject(this.format, type, content), 0, this.format);
    event("promisor.put", { object_bytes: content.length }, { oid, type });
    return { oid, promisor: this.#grown([{ oid, type, content }]) };
  }

  /** Adds objects; their ids are computed. Throws `PROMISOR_OVERFULL`. */
  importObjects(objects: Iterable<GitObject>): Promisor {
    const found: FetchedObject[] = [];
    for (const { type, content } of objects) {
      const oid = oidFromBytes(hashObject(this.format, type, content), 0, this.format);
      found.push({ oid, type, content });
    }
    return this.#grown(found);
  }

  /** This promisor with objects whose ids are known to be right. */
  withFetched(found: Iterable<FetchedObject>): Promisor {
    return this.#grown(found);
  }

  /** This promisor without these objects; they are promised still. */
  without(oids: Iterable<Oid>): Promisor {
    return this.#holding(dropObjects(this.#cache, oids));
  }

  /** Whether both hold the same objects. */
  equals(other: Promisor): boolean {
    if (this.#cache.objects === other.#cache.objects) return true;
    if (this.format !== other.format || this.objectCount !== other.objectCount) return false;
    for (const [oid] of this.#cache.objects) if (!other.has(oid)) return false;
    return true;
  }

  #fetch(wants: readonly Oid[], options: FetchOptions): Promise<readonly FetchedObject[]> {
    return span("promisor.fetch", this.#told(options), async (handle) => {
      handle.set("want_count", wants.length);
      const found = await this.source.fetch(wants, options);
      handle.set("object_count", found.length);
      handle.set(
        "cache_bytes",
        this.cacheBytes + found.reduce((sum, { content }) => sum + content.length, 0),
      );
      return found;
    });
  }

  /** What a fetch is told of with. */
  #told({ filter }: FetchOptions): { readonly address: string; readonly filter: string | undefined } {
    const shown = typeof filter === "object" ? formatObjectFilter(filter) : filter;
    return { address: this.source.address, filter: shown };
  }

  #grown(found: Iterable<FetchedObject>): Promisor {
    const { maxCacheBytes, onOverfull } = this.#options;
    const cache = dropCommits(addObjects(this.#cache, found), maxCacheBytes);
    const promisor = this.#holding(cache);
    if (cache.bytes <= maxCacheBytes || cache === this.#cache) return promisor;
    const policy = typeof onOverfull === "string" ? onOverfull : "callback";
    event("promisor.overfull", { cache_bytes: cache.bytes, max_bytes: maxCacheBytes }, { policy });
    if (onOverfull === "error") {
      const message = `the cache holds ${cache.bytes} bytes and may hold ${maxCacheBytes}`;
      throw new PromisorError("PROMISOR_OVERFULL", message, { promisor });
    }
    if (onOverfull !== "log") onOverfull(cache.bytes, maxCacheBytes);
    return promisor;
  }

  #holding(cache: ObjectCache): Promisor {
    if (cache.objects === this.#cache.objects) return this;
    return new Promisor(this.source, this.format, this.#options, cache);
  }
}

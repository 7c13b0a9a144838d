import {
  indexPack,
  type ObjectFormat,
  type Oid,
  oidToBytes,
  type OperationOptions,
  openPackReader,
  type PackedStream,
  type WorkerPool,
} from "@millrace/pack";
import {
  createObjectCaches,
  type MaintainRequest,
  type MaintenanceReport,
  type ObjectInfo,
  type ObjectCaches,
  openRepository,
  type Repository,
} from "@millrace/repository";
import { type RepositoryStore, StorageError } from "@millrace/storage";
import { objectMissing } from "../errors.ts";
import { type FilledStoreCacheOptions, StoreCacheOptions } from "../schema.ts";
import type { Handover } from "../handover.ts";
import { ObjectBudget } from "../source/object-budget.ts";
import type { FetchedPack, GitObject } from "../source/object-source.ts";
import { HeldView } from "./held-view.ts";
import { type KnownParents, shallowChanges } from "./shallow-changes.ts";

/** What a store cache shares with others in the process. */
export interface StoreCacheParts {
  /** Memory for indexes, delta bases and blocks of packs. Default: caches of its own. */
  readonly caches?: ObjectCaches | undefined;
  /** Threads for putting packs together. Default: none. */
  readonly workers?: WorkerPool | undefined;
}

/**
 * Keeps what is fetched in a repository: on a disk, a partial clone that git itself may use meanwhile. The store stays the
 * caller's.
 * @throws ZodError where the options are malformed.
 */
export function openStoreCache(
  store: RepositoryStore,
  { caches = createObjectCaches(), workers, ...options }: StoreCacheOptions & StoreCacheParts = {},
): StoreCache {
  const filled = StoreCacheOptions.parse(options);
  return new StoreCache(openRepository(store, { caches, workers }), caches, filled);
}

/** The objects of a repository that grows by what is fetched into it. Calls throw as those of a storage do. */
export class StoreCache implements AsyncDisposable {
  readonly #repository: Repository;
  readonly #caches: ObjectCaches;
  readonly #options: FilledStoreCacheOptions;
  readonly #views: HeldView;
  readonly #closing = new AbortController();
  /** Of shallow roots. */
  readonly #parents: KnownParents = new Map();
  /** Packs that have come since they were last put together. */
  #untidy: number | undefined;
  #tidying: Promise<unknown> = Promise.resolve();

  /** @internal Use `openStoreCache`. */
  constructor(repository: Repository, caches: ObjectCaches, options: FilledStoreCacheOptions) {
    this.#repository = repository;
    this.#caches = caches;
    this.#options = options;
    this.#views = new HeldView(repository);
  }

  get format(): ObjectFormat {
    return this.#repository.objectFormat;
  }

  /** Whether an object is in a pack that is open already; nothing is read, and `false` means little. */
  isAtHand(oid: Oid): boolean {
    const place = this.#views.now?.findPacked(oidToBytes(oid)) ?? -1;
    return place >= 0;
  }

  /** Those of these objects that are not here, though it was looked at again. */
  async missing(oids: readonly Oid[]): Promise<readonly Oid[]> {
    const isHere = await this.#views.use((objects) => objects.hasEach(oids));
    return oids.filter((_, i) => isHere[i] !== true);
  }

  /** The object, `undefined` where it is not here. Its content is shared: read, do not write. */
  async read(oid: Oid): Promise<GitObject | undefined> {
    return this.#views.use(async (objects) => {
      const bytes = oidToBytes(oid);
      return (await objects.has(bytes)) ? objects.read(bytes) : undefined;
    });
  }

  /** An object's type and size, `undefined` where it is not here; no content is read. */
  async info(oid: Oid): Promise<ObjectInfo | undefined> {
    return this.#views.use((objects) => objects.info(oidToBytes(oid)));
  }

  /** The object piece by piece, `undefined` where it is not here: straight out of its pack where it is stored whole there. */
  async stream(oid: Oid, { signal }: OperationOptions = {}): Promise<PackedStream | undefined> {
    const info = await this.info(oid);
    if (info === undefined) return undefined;
    const content = async function* (views: HeldView): AsyncGenerator<Uint8Array, void, undefined> {
      const hold = await views.hold();
      try {
        const found = await hold.objects.stream(oidToBytes(oid));
        if (found === undefined) throw objectMissing(oid);
        for await (const piece of found.content) {
          signal?.throwIfAborted();
          yield piece;
        }
      } finally {
        await hold[Symbol.asyncDispose]();
      }
    };
    return { ...info, content: content(this.#views) };
  }

  /** Bytes of the contents of those of these objects that are here; no content is read. */
  async sizes(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, number>> {
    const sizes = new Map<Oid, number>();
    await this.#views.use(async (objects) => {
      const isHere = await objects.hasEach(oids);
      for (const [i, oid] of oids.entries()) {
        const info = isHere[i] === true ? await objects.info(oidToBytes(oid)) : undefined;
        if (info !== undefined) sizes.set(oid, info.sizeBytes);
      }
    });
    return sizes;
  }

  /** The ids of the objects that begin like this. */
  async withPrefix(hex: string): Promise<ReadonlySet<Oid>> {
    return this.#views.use((objects) => objects.withPrefix(hex));
  }

  /**
   * Takes in a fetched pack: it streams into a stage, each object is rebuilt and hashed, and only then it is seen, by all at
   * once. Where history ends is noted in the same step. Answers how many objects came. `handover` has them while they come.
   * Throws as `indexPack`, what the pack's source and the taker throw, and `STORAGE_IO` where the disk is full: nothing is left then.
   */
  async keep(
    { pack, shallow }: FetchedPack,
    { signal, handover }: OperationOptions & { readonly handover?: Handover | undefined } = {},
  ): Promise<number> {
    const { store, objectFormat: format } = this.#repository;
    const stage = await store.stage({ signal });
    let objectCount: number;
    try {
      const { limits } = this.#options;
      // They are not in memory at once.
      const budget = new ObjectBudget({ ...limits, maxTotalBytes: Number.POSITIVE_INFINITY });
      const counted = budget.counted(pack);
      const indexed = await indexPack(handover?.paced(counted) ?? counted, {
        format,
        sink: stage,
        limits,
        signal,
        visit: (object) => {
          budget.spend(object.sizeBytes);
          handover?.visit(object);
        },
        visitPiece: handover && ((_type, sizeBytes, piece) => handover.visitPiece(sizeBytes, piece)),
      });
      await handover?.finish();
      ({ objectCount } = indexed);
      if (objectCount === 0) return 0;
      await stage.sidecar("rev", indexed.rev);
      await stage.sidecar("idx", indexed.idx);
      await stage.seal({ header: indexed.header, trailer: indexed.trailer });
      const reader = openPackReader({
        source: await stage.open(),
        index: indexed.index,
        ...this.#caches,
      });
      try {
        // Elsewhere nobody but this cache reads the repository.
        const isClone = store.capabilities.partialClones === true;
        const arrived = { index: indexed.index, reader, shallow };
        const roots = isClone
          ? await this.#views.use(async (objects, view) =>
              shallowChanges(arrived, objects, await view.shallowRoots(), this.#parents),
            )
          : undefined;
        await store.commit({ add: [stage], ...roots, promised: isClone }, { signal });
      } finally {
        reader.release();
      }
    } finally {
      await stage[Symbol.asyncDispose]();
    }
    await this.#views.renew();
    await this.#tidyInTime();
    return objectCount;
  }

  /**
   * Puts packs together that fetches have left, as `Repository.maintain` with `promised`; whoever reads reads on, git too.
   * Throws `STORAGE_BUSY` where somebody tidies up, `STORAGE_UNSUPPORTED` where the store tells fetched packs from no others.
   */
  async consolidate(
    options: Pick<MaintainRequest, "full" | "dryRun" | "factor" | "window" | "onProgress" | "signal"> = {},
  ): Promise<MaintenanceReport> {
    return this.#maintain(options);
  }

  /**
   * Drops blobs that were fetched, of those that `mayGo`: they are fetched again when they are needed, by git too. Commits and
   * trees stay, and all that lies in other packs or loose. All fetched packs become one. Throws as `consolidate`.
   */
  async evict(mayGo: (oid: Oid) => boolean, options: OperationOptions = {}): Promise<MaintenanceReport> {
    return this.#maintain({ ...options, drop: ({ oid, type }) => type === "blob" && mayGo(oid) });
  }

  async #maintain(request: MaintainRequest): Promise<MaintenanceReport> {
    const { store } = this.#repository;
    if (store.capabilities.partialClones !== true) {
      throw new StorageError("STORAGE_UNSUPPORTED", `${store.backend} knows no promised packs`, {
        key: store.name,
      });
    }
    const report = await this.#repository.maintain({ ...request, promised: true });
    if (request.dryRun !== true) this.#untidy = 0;
    await this.#views.renew();
    return report;
  }

  /** Ends what is under way in the background. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#tidying;
    await this.#views[Symbol.asyncDispose]();
    await this.#repository[Symbol.asyncDispose]();
  }

  /** Begins to put packs together where there are too many; nobody waits for it. */
  async #tidyInTime(): Promise<void> {
    const { consolidateAfter } = this.#options;
    if (this.#repository.store.capabilities.partialClones !== true) return;
    if (consolidateAfter === Number.POSITIVE_INFINITY || this.#closing.signal.aborted) return;
    this.#untidy =
      this.#untidy === undefined
        ? await this.#views.use(async (objects) => objects.packs.length)
        : this.#untidy + 1;
    if (this.#untidy < consolidateAfter) return;
    this.#untidy = 0;
    // What fails now is tried again after as many packs more: somebody may be at it, or the disk is full.
    this.#tidying = this.consolidate({ signal: this.#closing.signal }).catch(() => undefined);
  }
}

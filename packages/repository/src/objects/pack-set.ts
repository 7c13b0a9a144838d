import {
  type BlockCache,
  type ByteCache,
  type CommitGraphFile,
  type OperationOptions,
  type PackBitmaps,
  type PackReader,
  type PackedObject,
  type WorkerPool,
  openPackBitmaps,
  PackError,
  openPackIndex,
  openPackReader,
} from "@millrace/pack";
import { type PackHandle, type RepositoryStore, type Snapshot, StorageError } from "@millrace/storage";
import type { CommitGraphCache } from "./commit-graph-cache.ts";
import type { GraphCache, GraphSetCache } from "./graph-cache.ts";
import type { GraphSet } from "./graph-set.ts";
import type { BitmappedPack } from "./bitmapped-pack.ts";
import type { BitmapsOptions, GraphsOptions } from "./object-view.ts";
import { type GraphDemand, PackGraphSource } from "./pack-graph-source.ts";
import type { GraphedPack } from "./pack-overlap.ts";

/** Memory that all open repositories of a process share. */
export interface ObjectCaches {
  /** Inflated delta bases. */
  readonly bases: ByteCache<number, PackedObject>;
  /** Blocks of pack files as stored. */
  readonly blocks: BlockCache;
  /** Entries made for objects that are stored as deltas on what a client does not get. */
  readonly entries: ByteCache<number, Uint8Array>;
  /** Graphs of packs. */
  readonly graphs: GraphCache;
}

/** A pack with its index in memory, shared by every view that uses it. */
export interface OpenPack {
  readonly id: string;
  readonly sizeBytes: number;
  readonly reader: PackReader;
  /** A file beside it, which stays readable as long as the pack is held. */
  readonly sidecar: PackHandle["sidecar"];
  /** See `PackHandle`. */
  readonly copyToDisk: PackHandle["copyToDisk"];
  /** Whether building a graph would pay. */
  readonly demand: GraphDemand;
}

interface Entry {
  readonly pack: OpenPack;
  readonly handle: PackHandle;
  users: number;
  /** Whether the newest listing named it; a pack that is gone closes with its last user. */
  listed: boolean;
  readonly graph: PackGraphSource;
}

const LISTING_TRIES = 8;

/** The open packs of one repository: each is opened once, however many views read from it. */
export class PackSet implements AsyncDisposable {
  readonly #store: RepositoryStore;
  readonly #caches: ObjectCaches;
  readonly #entries = new Map<string, Promise<Entry>>();
  readonly #graphSets: GraphSetCache;
  readonly #commitGraphs: CommitGraphCache;
  readonly #closing = new AbortController();
  readonly #building = new Set<Promise<void>>();
  readonly #workers: WorkerPool | undefined;

  constructor(store: RepositoryStore, caches: ObjectCaches, workers?: WorkerPool) {
    this.#store = store;
    this.#workers = workers;
    this.#caches = caches;
    this.#graphSets = caches.graphs.sets();
    this.#commitGraphs = caches.graphs.commitGraphs();
  }

  /**
   * Opens all packs of a snapshot, newest first; give them back with `release`.
   * A pack that vanishes between listing and opening (git repacks behind our back) makes it list again.
   */
  async acquire(
    snapshot: Snapshot,
    options: OperationOptions & { readonly reload?: boolean } = {},
  ): Promise<readonly OpenPack[]> {
    for (let attempt = 1; ; attempt++) {
      const reload = attempt > 1 || options.reload === true;
      const listed = await snapshot.packs({ signal: options.signal, reload });
      const held: OpenPack[] = [];
      try {
        for (const { id } of listed) held.push(await this.#hold(snapshot, id, options));
        await this.#forgetUnlisted(new Set(listed.map(({ id }) => id)));
        return held;
      } catch (error) {
        await this.release(held);
        const vanished = error instanceof StorageError && error.code === "STORAGE_NOT_FOUND";
        if (!vanished || attempt === LISTING_TRIES) throw error;
      }
    }
  }

  /** Gives packs back. Those that were read so much that a graph would have been cheaper get one, in the background. */
  async release(packs: readonly OpenPack[]): Promise<void> {
    for (const { id } of packs) {
      const entry = await this.#entries.get(id);
      if (entry === undefined) continue;
      if (entry.listed && entry.graph.isWanted(entry.pack)) void this.#buildAside(entry);
      entry.users--;
      await this.#closeIfIdle(entry);
    }
  }

  /** The graphs of these packs, as far as there are any, as one; with `build`, those that are worth it are built first. */
  async graphsOf(
    packs: readonly OpenPack[],
    options: OperationOptions & GraphsOptions = {},
  ): Promise<GraphSet | undefined> {
    const graphed: GraphedPack[] = [];
    for (const { id, reader, demand } of packs) {
      const entry = await this.#entries.get(id);
      let graph = await entry?.graph.load(options);
      if (graph === undefined && entry?.graph.canBuild === true && options.build === true) {
        await this.#buildAside(entry);
        options.signal?.throwIfAborted();
        graph = await entry.graph.load(options);
      }
      if (graph !== undefined) graphed.push({ id, index: reader.index, graph });
      else if (
        options.wanted === true &&
        entry?.graph.canBuild === true &&
        demand.reads < reader.index.count
      ) {
        if ((await this.#bitmapsBeside(entry, options)) !== undefined) demand.reads += reader.index.count;
      }
    }
    return this.#graphSets.join(graphed, options);
  }

  /**
   * git's bitmaps of packs that no graph is known of. Beside packs that have graphs they save reading and no more, so
   * theirs are built in the background. One alone tells all that a clone needs: nothing is built as long as only clones
   * come. With `unread`, also those of packs whose graph would have to be read first.
   */
  async bitmapsOf(
    packs: readonly OpenPack[],
    options: OperationOptions & BitmapsOptions = {},
  ): Promise<readonly BitmappedPack[]> {
    const found: (BitmappedPack & { readonly demand: GraphDemand })[] = [];
    let hasGraphs = false;
    for (const { id, reader, demand } of packs) {
      const entry = await this.#entries.get(id);
      if (entry === undefined) continue;
      const graph = options.unread === true ? entry.graph.inMemory : await entry.graph.load(options);
      if (graph !== undefined) {
        hasGraphs = true;
        continue;
      }
      const bitmaps = await this.#bitmapsBeside(entry, options);
      if (bitmaps !== undefined) found.push({ id, index: reader.index, bitmaps, demand });
    }
    if (found.length > 1 || hasGraphs) for (const { index, demand } of found) demand.reads += index.count;
    return found;
  }

  /** What git has noted of this repository's commits by now; `undefined` where there is nothing that holds. */
  async commitGraphOf(
    snapshot: Snapshot,
    options: OperationOptions = {},
  ): Promise<CommitGraphFile | undefined> {
    const stored = await snapshot.commitGraph?.(options);
    return stored && this.#commitGraphs.open(stored, this.#store.objectFormat, options);
  }

  /** Builds the graphs that these packs lack. */
  async buildGraphs(packs: readonly OpenPack[], options: OperationOptions = {}): Promise<void> {
    for (const { id } of packs) await (await this.#entries.get(id))?.graph.build(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#building);
    await this.#forgetUnlisted(new Set());
  }

  /** What git has found out about a pack. */
  async #bitmapsBeside({ pack, handle }: Entry, options: OperationOptions): Promise<PackBitmaps | undefined> {
    const { graphs } = this.#caches;
    const known = graphs.bitmaps(pack.id);
    if (known !== undefined) return known;
    const bytes = await handle.sidecar("bitmap", options);
    if (bytes === undefined) return undefined;
    try {
      const bitmaps = openPackBitmaps(bytes, pack.reader.index);
      graphs.setBitmaps(pack.id, bitmaps, bytes.length + pack.reader.index.count);
      return bitmaps;
    } catch (error) {
      // What is wrong with it is for git fsck to tell: all that it says can be found without.
      if (error instanceof PackError) return undefined;
      throw error;
    }
  }

  /** Builds a graph for whoever comes next; nobody's leaving ends it but the repository's. */
  async #buildAside(entry: Entry): Promise<void> {
    if (this.#closing.signal.aborted) return;
    entry.users++;
    const building = entry.graph
      .build({ signal: this.#closing.signal })
      // Nobody waits for it: what reads the pack next meets the fault itself.
      .catch(() => undefined)
      .then(async () => {
        this.#building.delete(building);
        entry.users--;
        await this.#closeIfIdle(entry);
      });
    this.#building.add(building);
    await building;
  }

  async #hold(snapshot: Snapshot, id: string, options: OperationOptions): Promise<OpenPack> {
    for (;;) {
      const pending = this.#entries.get(id) ?? this.#start(snapshot, id, options);
      const entry = await pending;
      // Another view's newer listing may have closed it meanwhile.
      if (this.#entries.get(id) !== pending) continue;
      entry.users++;
      entry.listed = true;
      return entry.pack;
    }
  }

  #start(snapshot: Snapshot, id: string, options: OperationOptions): Promise<Entry> {
    const pending = this.#open(snapshot, id, options);
    this.#entries.set(id, pending);
    pending.catch(() => this.#entries.delete(id));
    return pending;
  }

  async #open(snapshot: Snapshot, id: string, options: OperationOptions): Promise<Entry> {
    const handle = await snapshot.openPack(id, options);
    try {
      const [idx, rev] = await Promise.all([handle.sidecar("idx", options), handle.sidecar("rev", options)]);
      if (idx === undefined) {
        throw new StorageError("STORAGE_NOT_FOUND", `pack ${id} has no index`, { key: id });
      }
      const index = openPackIndex(idx, this.#store.objectFormat, rev);
      const reader = openPackReader({ source: handle, index, ...this.#caches });
      const sidecar: PackHandle["sidecar"] = (kind, sidecarOptions) => handle.sidecar(kind, sidecarOptions);
      const copyToDisk = handle.copyToDisk?.bind(handle);
      const pack = { id, sizeBytes: handle.sizeBytes, reader, sidecar, copyToDisk, demand: { reads: 0 } };
      const graph = new PackGraphSource(handle, index, this.#caches.graphs, this.#workers);
      return { pack, handle, users: 0, listed: true, graph };
    } catch (error) {
      await handle[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #forgetUnlisted(listed: ReadonlySet<string>): Promise<void> {
    for (const [id, pending] of this.#entries) {
      if (listed.has(id)) continue;
      const entry = await pending.catch(() => undefined);
      if (entry === undefined) continue;
      entry.listed = false;
      await this.#closeIfIdle(entry);
    }
  }

  async #closeIfIdle(entry: Entry): Promise<void> {
    if (entry.listed || entry.users > 0) return;
    if (!this.#entries.delete(entry.pack.id)) return;
    entry.pack.reader.release();
    await entry.handle[Symbol.asyncDispose]();
  }
}

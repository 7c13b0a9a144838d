import {
  encodePackGraph,
  encodeReverseIndexOf,
  type OperationOptions,
  openPackGraph,
  PackError,
  type PackGraph,
  type PackIndex,
  readPackGraph,
  type WorkerPool,
} from "@millrace/pack";
import type { PackHandle } from "@millrace/storage";
import type { GraphCache } from "./graph-cache.ts";

/** How much a pack was read for want of a graph. */
export interface GraphDemand {
  reads: number;
}

/** Packs of fewer objects are read as quickly. */
const MIN_OBJECTS = 64;

/** Where the graph of one open pack comes from: memory, the store, or the pack itself. */
export class PackGraphSource {
  readonly #handle: PackHandle;
  readonly #index: PackIndex;
  readonly #cache: GraphCache;
  readonly #workers: WorkerPool | undefined;
  #loading: Promise<PackGraph | undefined> | undefined;
  #building: Promise<void> | undefined;
  /** What is known of a graph that the cache does not have: the store may have it, has none, or there can be none. */
  #state: "stored" | "absent" | "impossible" = "stored";

  constructor(handle: PackHandle, index: PackIndex, cache: GraphCache, workers: WorkerPool | undefined) {
    this.#handle = handle;
    this.#index = index;
    this.#cache = cache;
    this.#workers = workers;
  }

  /** Whether reading has cost about as much as building a graph would have, which nobody has yet. */
  isWanted({ demand }: { readonly demand: GraphDemand }): boolean {
    const { count } = this.#index;
    return (
      this.#state === "absent" &&
      this.#building === undefined &&
      demand.reads >= Math.max(MIN_OBJECTS, count / 2) &&
      this.inMemory === undefined
    );
  }

  /** Whether there is none, and building one may save reading. */
  get canBuild(): boolean {
    return this.#state === "absent" && this.#index.count >= MIN_OBJECTS;
  }

  /** The graph, where a process has it at hand. */
  get inMemory(): PackGraph | undefined {
    return this.#cache.get(this.#handle.id);
  }

  /** The graph, where there is one already. */
  async load(options: OperationOptions): Promise<PackGraph | undefined> {
    const known = this.inMemory;
    if (known !== undefined || this.#state !== "stored") return known;
    // Shared by all who ask meanwhile, so no single one of them can end it.
    this.#loading ??= this.#loadStored().finally(() => {
      this.#loading = undefined;
    });
    const graph = await this.#loading;
    options.signal?.throwIfAborted();
    return graph;
  }

  /** Builds the graph where there is none, and keeps it. What the pack's objects do not make is not tried again. */
  async build(options: OperationOptions): Promise<void> {
    if ((await this.load(options)) !== undefined || this.#state === "impossible") return;
    this.#building ??= this.#cache
      .inTurn(() => this.#build(options))
      .finally(() => {
        this.#building = undefined;
      });
    await this.#building;
  }

  async #loadStored(): Promise<PackGraph | undefined> {
    const bytes = await this.#handle.sidecar("graph");
    if (bytes !== undefined && bytes.length <= this.#cache.budgetBytes) {
      try {
        const graph = openPackGraph(bytes, this.#index.format, this.#index.packChecksum);
        if (graph.count === this.#index.count) {
          this.#cache.set(this.#handle.id, graph);
          return graph;
        }
      } catch (error) {
        if (!(error instanceof PackError)) throw error;
      }
    }
    this.#state = "absent";
    return undefined;
  }

  async #build(options: OperationOptions): Promise<void> {
    options.signal?.throwIfAborted();
    const pack = { source: this.#handle, index: this.#index };
    let graph: PackGraph;
    try {
      graph = await readPackGraph(pack, { ...options, pool: this.#workers });
    } catch (error) {
      if (!(error instanceof PackError)) throw error;
      this.#state = "impossible";
      // Objects that contradict each other make no graph, and no fault: whoever walks them finds out.
      if (error.code === "PACK_BAD_GRAPH" || error.code === "PACK_BAD_OBJECT") return;
      throw error;
    }
    this.#cache.set(this.#handle.id, graph);
    // Where the store keeps it, it is found again when the cache has let go of it.
    if (this.#handle.keepSidecar === undefined) return;
    await this.#handle.keepSidecar("graph", encodePackGraph(graph), options);
    // Its numbers are of use only with the order of entries, which git keeps from version 2.41 on.
    if ((await this.#handle.sidecar("rev", options)) === undefined)
      await this.#handle.keepSidecar("rev", encodeReverseIndexOf(this.#index), options);
    this.#state = "stored";
  }
}

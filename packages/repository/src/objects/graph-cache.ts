import {
  type ByteCache,
  type ObjectBits,
  type OperationOptions,
  type PackBitmaps,
  type PackGraph,
  createByteCache,
} from "@millrace/pack";
import { createBreather } from "../breather.ts";
import { CommitGraphCache, type OpenedCommitGraph } from "./commit-graph-cache.ts";
import { GraphSet, type PastCache } from "./graph-set.ts";
import type { GraphedPack } from "./pack-overlap.ts";

/**
 * The graphs that a process holds, what was found out with them, and what git has made: bitmaps of packs that have no
 * graph, and commit-graphs. All of it within one budget.
 */
export class GraphCache implements PastCache {
  readonly budgetBytes: number;
  readonly #graphs: ByteCache<
    string,
    PackGraph | PackBitmaps | JoinedGraphs | ObjectBits | OpenedCommitGraph
  >;
  readonly #bitmaps: ByteCache<string, PackBitmaps>;
  readonly #pasts: ByteCache<string, ObjectBits>;
  /** The build under way; the next one waits for it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
    this.#graphs = createByteCache({ budgetBytes, largestBytes: budgetBytes });
    this.#bitmaps = this.#graphs.partition() as ByteCache<string, PackBitmaps>;
    this.#pasts = this.#graphs.partition() as ByteCache<string, ObjectBits>;
  }

  /** The graph of a pack; repositories that share a pack share it. */
  get(packId: string): PackGraph | undefined {
    return this.#graphs.get(packId) as PackGraph | undefined;
  }

  set(packId: string, graph: PackGraph): void {
    this.#graphs.set(packId, graph, graph.memoryBytes);
  }

  bitmaps(packId: string): PackBitmaps | undefined {
    return this.#bitmaps.get(packId);
  }

  /** Keeps bitmaps that take so many bytes. */
  setBitmaps(packId: string, bitmaps: PackBitmaps, bytes: number): void {
    this.#bitmaps.set(packId, bitmaps, bytes);
  }

  past(packId: string, commit: number): ObjectBits | undefined {
    return this.#pasts.get(`${packId} ${commit}`);
  }

  setPast(packId: string, commit: number, bits: ObjectBits): void {
    this.#pasts.set(`${packId} ${commit}`, bits, bits.byteLength);
  }

  /** What one repository keeps of graphs that belong together. */
  sets(): GraphSetCache {
    return new GraphSetCache(this.#graphs.partition() as ByteCache<string, JoinedGraphs>, this);
  }

  /** What one repository keeps of git's commit-graph. */
  commitGraphs(): CommitGraphCache {
    const kept = this.#graphs.partition() as ByteCache<string, OpenedCommitGraph>;
    return new CommitGraphCache(kept, this.budgetBytes);
  }

  /** Runs builds one after another. */
  async inTurn<T>(build: () => Promise<T>): Promise<T> {
    const running = this.#turn.then(build);
    this.#turn = running.catch(() => undefined);
    return running;
  }
}

interface JoinedGraphs {
  /** The packs' ids. */
  readonly key: string;
  readonly set: GraphSet | undefined;
}

const NEWEST = "newest";

/** Remembers how the packs of one repository go together. */
export class GraphSetCache {
  readonly #joined: ByteCache<string, JoinedGraphs>;
  readonly #graphs: GraphCache;

  constructor(joined: ByteCache<string, JoinedGraphs>, graphs: GraphCache) {
    this.#joined = joined;
    this.#graphs = graphs;
  }

  /** Puts graphs together, or finds them so. */
  async join(packs: readonly GraphedPack[], options: OperationOptions): Promise<GraphSet | undefined> {
    const key = packs
      .map(({ id }) => id)
      .sort()
      .join();
    const known = this.#joined.get(NEWEST);
    // Used after it, the graphs themselves leave the cache after it: it never keeps a graph that does not count.
    for (const { id } of packs) this.#graphs.get(id);
    if (known?.key === key) return known.set;
    const set = await GraphSet.of(packs, createBreather(options.signal), this.#graphs);
    this.#joined.set(NEWEST, { key, set }, set?.memoryBytes ?? 0);
    for (const { id } of packs) this.#graphs.get(id);
    return set;
  }
}

import { after, indexBytes } from "../delta/encode.ts";
import { createKernel, type Kernel } from "../kernel/kernel.ts";
import { MemoryRegions } from "./memory-regions.ts";
import { LOOSE, type ObjectColumns, STORED_DELTA } from "./repack-objects.ts";

/** How hard deltas are looked for. */
export interface SearchSettings {
  /** Objects that each one is compared with (git-config, `pack.window`). */
  readonly window: number;
  /** Longest chain (`pack.depth`). */
  readonly depth: number;
  /** What the objects of a window may take. */
  readonly windowBytes: number;
  /** Stored deltas stay: what was whole in a pack is not compared with its neighbours there again. */
  readonly reuse: boolean;
}

export interface SearchContext extends SearchSettings {
  readonly columns: ObjectColumns;
  readonly hashBytes: number;
  /** The content of an object. */
  readonly load: (object: number) => Uint8Array | Promise<Uint8Array>;
  /** Told of each delta that was found; the bytes are valid during the call. */
  readonly take: (object: number, delta: Uint8Array) => void | Promise<void>;
  /** Called between objects; what it throws ends the search. */
  readonly breathe: () => Promise<void> | undefined;
}

interface Candidate {
  readonly object: number;
  /** Where its content lies in the kernel's memory; 0: not loaded. */
  at: number;
  /** Where its index lies; 0: none was made. */
  index: number;
}

/**
 * Looks for deltas as git does: a window slides over the sorted objects, and each is compared with those before it. The
 * best base so far is kept longest. What is found goes into the columns.
 */
export class DeltaSearch {
  readonly #context: SearchContext;
  readonly #kernel: Kernel = createKernel();
  #regions: MemoryRegions;
  /** The one looked at last is at the end. */
  #window: Candidate[] = [];
  #usedBytes = 0;

  constructor(context: SearchContext) {
    this.#context = context;
    this.#regions = new MemoryRegions(this.#kernel.heapStart);
  }

  /** Searches one part of the order. Throws what the context throws. */
  async search(order: Uint32Array, start: number, end: number): Promise<void> {
    this.#regions = new MemoryRegions(this.#kernel.heapStart);
    this.#window = [];
    this.#usedBytes = 0;
    for (let i = start; i < end; i++) {
      const breath = this.#context.breathe();
      if (breath !== undefined) await breath;
      await this.#tryObject(order[i]!);
    }
  }

  async #tryObject(object: number): Promise<void> {
    const { columns, window, depth } = this.#context;
    const { bases, depths, heights } = columns;
    const target: Candidate = { object, at: 0, index: 0 };
    const maxDepth = depth - heights[object]!;
    let best = -1;
    if (maxDepth > 0) best = await this.#findBase(target, maxDepth);
    // Nothing can be based on what ends a chain.
    if (best >= 0 && depths[object]! >= depth) this.#unload(target);
    else this.#window.push(target);
    if (best >= 0) {
      const [base] = this.#window.splice(
        this.#window.findIndex((candidate) => candidate.object === bases[object]),
        1,
      );
      this.#window.push(base!);
    }
    while (this.#window.length > window) this.#unload(this.#window.shift()!);
  }

  /** Compares with the window, the newest first; answers the number of the base found, or -1. */
  async #findBase(target: Candidate, maxDepth: number): Promise<number> {
    const { columns, take } = this.#context;
    const { bases, deltaBytes, depths } = columns;
    const { object } = target;
    /** Two places for deltas: the best one, and the one that is tried. */
    let outs = 0;
    let outBytes = 0;
    let bestAt = 0;
    let best = -1;
    for (const candidate of this.#window.toReversed()) {
      const limit = this.#limitFor(object, candidate.object, best, maxDepth);
      if (limit < 0) break;
      if (limit === 0) continue;
      if (target.at === 0) await this.#load(target, target);
      if (candidate.at === 0) await this.#load(candidate, target);
      if (outs === 0) {
        outBytes = after(0, columns.sizes[object]! / 2);
        outs = this.#take(2 * outBytes);
      }
      const out = bestAt === outs ? outs + outBytes : outs;
      const length = this.#encode(candidate, target, out, limit);
      if (length === 0) continue;
      if (best >= 0 && length === deltaBytes[object] && depths[candidate.object]! + 1 >= depths[object]!)
        continue;
      best = candidate.object;
      bestAt = out;
      bases[object] = best;
      deltaBytes[object] = length;
      depths[object] = depths[best]! + 1;
    }
    if (best >= 0) {
      const told = take(object, this.#kernel.bytes.subarray(bestAt, bestAt + deltaBytes[object]!));
      if (told !== undefined) await told;
    }
    if (outs > 0) this.#regions.release(outs);
    return best;
  }

  /** How long a delta may be to be worth it; 0: not at all; -1: nor with any other object of the window. */
  #limitFor(object: number, base: number, best: number, maxDepth: number): number {
    const { columns, hashBytes, reuse } = this.#context;
    const { types, sizes, sources, flags, depths, deltaBytes } = columns;
    if (types[object] !== types[base]) return -1;
    const wasTried =
      reuse &&
      (flags[object]! & STORED_DELTA) === 0 &&
      sources[object] === sources[base] &&
      sources[object] !== LOOSE;
    if (wasTried) return 0;
    const depth = depths[base]!;
    if (depth >= maxDepth) return 0;
    const size = sizes[object]!;
    const half = Math.floor(size / 2) - hashBytes;
    const most = best < 0 ? half : deltaBytes[object]!;
    const depthSoFar = best < 0 ? 1 : depths[object]!;
    // What is based on a shorter chain may be longer, but never more than half the object.
    const limit = Math.min(half, Math.floor((most * (maxDepth - depth)) / (maxDepth - depthSoFar + 1)));
    const missing = size - sizes[base]!;
    if (limit <= 0 || missing >= limit || size < sizes[base]! / 32) return 0;
    return limit;
  }

  /** Loads a content; others of the window, the oldest first, make room for it. */
  async #load(candidate: Candidate, target: Candidate): Promise<void> {
    const loading = this.#context.load(candidate.object);
    const content = loading instanceof Uint8Array ? loading : await loading;
    const bytes = this.#bytesOf(candidate);
    for (const old of this.#window) {
      if (this.#usedBytes + bytes <= this.#context.windowBytes) break;
      if (old !== candidate && old !== target) this.#unload(old);
    }
    candidate.at = this.#take(bytes);
    this.#usedBytes += bytes;
    this.#kernel.bytes.set(content, candidate.at);
  }

  #encode(base: Candidate, target: Candidate, out: number, limit: number): number {
    const { sizes } = this.#context.columns;
    const { exports } = this.#kernel;
    const baseBytes = sizes[base.object]!;
    if (base.index === 0) {
      base.index = after(base.at, baseBytes);
      exports.indexDeltaBase(base.at, baseBytes, base.index);
    }
    return exports.encodeDelta(base.index, base.at, baseBytes, target.at, sizes[target.object]!, out, limit);
  }

  /** Content and index lie behind each other. */
  #bytesOf(candidate: Candidate): number {
    const bytes = this.#context.columns.sizes[candidate.object]!;
    return after(after(0, bytes), indexBytes(this.#kernel, bytes));
  }

  #take(bytes: number): number {
    const at = this.#regions.take(bytes);
    this.#kernel.ensure(at + bytes);
    return at;
  }

  #unload(candidate: Candidate): void {
    if (candidate.at === 0) return;
    this.#regions.release(candidate.at);
    this.#usedBytes -= this.#bytesOf(candidate);
    candidate.at = 0;
    candidate.index = 0;
  }
}

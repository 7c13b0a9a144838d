import { readFileSync } from "node:fs";
import { PackError } from "../errors.ts";
import { KERNEL_FILE } from "../kernel-file.ts";

/** `inflate`: the input ends before the stream does, and all so far is well formed. */
export const INFLATE_TRUNCATED = -1;
/** `inflate`: the stream is malformed, fails its checksum, or is not of the declared size. */
export const INFLATE_CORRUPT = -2;
/** `applyDelta`: the delta is malformed, or does not fit its base or its result. */
export const DELTA_BAD = -1;
/** `applyDelta`: the declared result is larger than the target. */
export const DELTA_TOO_LARGE = -2;
/** Bytes of a running SHA-1 in memory. */
export const SHA1_STATE_BYTES = 192;

/** How far past its operands the kernel may read and write; memory reaches as far past what `ensure` was asked for. */
const SLACK_BYTES = 64;
const PAGE_BYTES = 65_536;
const GROWTH_BYTES = 4 * 1024 * 1024;

/** The functions of the WebAssembly module; addresses and lengths are in bytes, 32 bits wide. */
export interface KernelExports extends WebAssembly.Exports {
  readonly memory: WebAssembly.Memory;
  readonly heapStart: () => number;
  readonly inflate: Kernel["inflate"];
  readonly crc32: Kernel["crc32"];
  readonly adler32: Kernel["adler32"];
  readonly applyDelta: Kernel["applyDelta"];
  readonly applyDeltaTracked: Kernel["applyDeltaTracked"];
  readonly rangeCount: () => number;
  /** What makes deltas is described where it is used: `encodeDelta`. */
  readonly deltaIndexBytes: (baseBytes: number) => number;
  readonly indexDeltaBase: (base: number, baseBytes: number, index: number) => void;
  readonly encodeDelta: (
    index: number,
    base: number,
    baseBytes: number,
    target: number,
    targetBytes: number,
    out: number,
    maxBytes: number,
  ) => number;
  readonly sha1Many: (jobs: number, count: number, digests: number, detect: number) => number;
  readonly sha1Start: (state: number, detect: number) => void;
  readonly sha1Update: Kernel["sha1Update"];
  readonly sha1Finish: (state: number, digest: number) => number;
  readonly sha256: Kernel["sha256"];
  /** What follows is described where it is used: `LinkOutput`. */
  readonly linkInto: (words: number, wordsEnd: number, ids: number, idsEnd: number) => void;
  readonly linkWords: () => number;
  readonly linkIds: () => number;
  readonly treeIsRemarkable: () => number;
  readonly treeAttributes: () => number;
  readonly treeModules: () => number;
  readonly scanTree: (
    entry: number,
    at: number,
    bytes: number,
    hashBytes: number,
    starts: number,
    emit: number,
  ) => number;
  readonly scanTreeByBase: (
    entry: number,
    baseEntry: number,
    baseStarts: number,
    baseCount: number,
    ranges: number,
    rangeCount: number,
    at: number,
    bytes: number,
    hashBytes: number,
    starts: number,
    emit: number,
  ) => number;
  /** What follows is described where it is used: `checkColumns`. */
  readonly startGraphCheck: (at: number, entries: number, nodes: number, largeSizes: number) => void;
  readonly checkGraphNodes: (
    from: number,
    to: number,
    sizes: number,
    starts: number,
    words: number,
  ) => number;
  readonly checkGraphBases: (from: number, to: number) => number;
  readonly faultyNode: () => number;
  /** What orders a pack's entries is described where it is used: `orderEntries`. */
  readonly swapWords: (at: number, count: number) => void;
  readonly sortByOffset: (offsets: number, count: number, order: number, spare: number) => number;
  readonly isInOrder: (offsets: number, count: number, order: number) => number;
  /** What looks for words is described where it is used: `createWordSearch`. */
  readonly findWords: (
    table: number,
    text: number,
    textBytes: number,
    from: number,
    to: number,
    places: number,
    most: number,
  ) => number;
  readonly wordsScanned: () => number;
}

/**
 * The pack engine's WebAssembly kernel with a memory of its own. Callers lay out the memory from `heapStart` on as they
 * like; every argument is an address in it or a length in bytes, and is not checked: a range must lie below what
 * `ensure` was asked for. Nothing here throws but `ensure`.
 */
export interface Kernel {
  /** All of the memory; `ensure` may detach it: read this property again after it. */
  readonly bytes: Uint8Array;
  /** The same memory in words of 32 bits. */
  readonly words: Uint32Array;
  /** Where the caller's part of memory starts, 64-byte aligned; below are the kernel's own tables. */
  readonly heapStart: number;
  /** Makes memory reach at least to `end`. Throws PACK_LIMIT_EXCEEDED where the engine refuses. */
  ensure(end: number): void;
  /**
   * Inflates one whole zlib stream (RFC 1950) of exactly `targetBytes` bytes, its Adler-32 checked. Answers how many
   * bytes it took, INFLATE_TRUNCATED or INFLATE_CORRUPT. May write up to 64 bytes past the target, and read as many
   * past `sourceEnd`, which decide nothing.
   */
  inflate(this: void, source: number, sourceEnd: number, target: number, targetBytes: number): number;
  /** Continues `seed`, the CRC-32 of what came before (0 at the start); an unsigned number. */
  crc32(this: void, at: number, length: number, seed: number): number;
  /** Continues `seed`, the Adler-32 of what came before (1 at the start); an unsigned number. */
  adler32(this: void, at: number, length: number, seed: number): number;
  /**
   * Applies a delta (gitformat-pack). Answers the result's length, DELTA_BAD, or DELTA_TOO_LARGE where it declares more
   * than `targetBytes`. Up to 64 bytes past the target may be scribbled on.
   */
  applyDelta(
    this: void,
    base: number,
    baseBytes: number,
    delta: number,
    deltaBytes: number,
    target: number,
    targetBytes: number,
  ): number;
  /**
   * The same, and notes what it copied at `ranges` as u32 triples (start in the target, start in the base, length), in
   * the target's order, copies that continue each other merged; at most `maxRanges`.
   */
  applyDeltaTracked(
    this: void,
    base: number,
    baseBytes: number,
    delta: number,
    deltaBytes: number,
    target: number,
    targetBytes: number,
    ranges: number,
    maxRanges: number,
  ): number;
  /** How many triples the last tracked delta noted; -1 where there were more than fit. */
  readonly rangeCount: number;
  /**
   * Hashes `count` objects with SHA-1. `jobs` points at u32 pairs (address, length) of bytes that include the object's
   * header; digests of 20 bytes each go to `digests`. With `detect` every block is checked for collision attacks.
   * Answers -1, or the number of the first job in which an attack was found. May read up to 64 bytes past each range.
   */
  sha1Many(jobs: number, count: number, digests: number, detect: boolean): number;
  /** Starts a running SHA-1 in the SHA1_STATE_BYTES at `state`, which may be moved between calls. */
  sha1Start(state: number, detect: boolean): void;
  sha1Update(this: void, state: number, at: number, length: number): void;
  /** Writes the digest of 20 bytes; answers false where an attack was found. */
  sha1Finish(state: number, digest: number): boolean;
  /** The SHA-256 of `length` bytes, 32 bytes to `digest`. */
  sha256(this: void, at: number, length: number, digest: number): void;
  /** What the module exports, for functions that have no place above. */
  readonly exports: KernelExports;
}

let compiled: WebAssembly.Module | undefined;
let shared: Kernel | undefined;

/** Makes a kernel with its own memory, synchronously; the module is compiled once a thread. */
export function createKernel(): Kernel {
  compiled ??= new WebAssembly.Module(readFileSync(KERNEL_FILE));
  return new WasmKernel(new WebAssembly.Instance(compiled).exports as KernelExports);
}

/** The thread's kernel for work that starts and ends within one synchronous stretch: its memory is everybody's. */
export function sharedKernel(): Kernel {
  shared ??= createKernel();
  return shared;
}

class WasmKernel implements Kernel {
  bytes: Uint8Array;
  words: Uint32Array;
  readonly exports: KernelExports;
  readonly heapStart: number;
  readonly inflate: Kernel["inflate"];
  readonly applyDelta: Kernel["applyDelta"];
  readonly applyDeltaTracked: Kernel["applyDeltaTracked"];
  readonly sha1Update: Kernel["sha1Update"];
  readonly sha256: Kernel["sha256"];

  constructor(exports: KernelExports) {
    this.exports = exports;
    this.bytes = new Uint8Array(exports.memory.buffer);
    this.words = new Uint32Array(exports.memory.buffer);
    this.heapStart = exports.heapStart();
    this.inflate = exports.inflate;
    this.applyDelta = exports.applyDelta;
    this.applyDeltaTracked = exports.applyDeltaTracked;
    this.sha1Update = exports.sha1Update;
    this.sha256 = exports.sha256;
  }

  ensure(end: number): void {
    const missing = end + SLACK_BYTES - this.bytes.length;
    if (missing <= 0) return;
    const { memory } = this.exports;
    try {
      // In large steps where they are to be had: every growth detaches the views.
      if (!tryGrow(memory, Math.max(missing, GROWTH_BYTES))) memory.grow(pages(missing));
    } catch (cause) {
      throw new PackError("PACK_LIMIT_EXCEEDED", `no memory for ${end} bytes`, { cause });
    }
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Uint32Array(memory.buffer);
  }

  crc32 = (at: number, length: number, seed: number): number => this.exports.crc32(at, length, seed) >>> 0;

  adler32 = (at: number, length: number, seed: number): number =>
    this.exports.adler32(at, length, seed) >>> 0;

  get rangeCount(): number {
    return this.exports.rangeCount();
  }

  sha1Many(jobs: number, count: number, digests: number, detect: boolean): number {
    return this.exports.sha1Many(jobs, count, digests, detect ? 1 : 0);
  }

  sha1Start(state: number, detect: boolean): void {
    this.exports.sha1Start(state, detect ? 1 : 0);
  }

  sha1Finish(state: number, digest: number): boolean {
    return this.exports.sha1Finish(state, digest) !== 0;
  }
}

const pages = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);

function tryGrow(memory: WebAssembly.Memory, bytes: number): boolean {
  try {
    memory.grow(pages(bytes));
    return true;
  } catch {
    return false;
  }
}

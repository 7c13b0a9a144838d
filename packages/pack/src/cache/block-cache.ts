import { PackError } from "../errors.ts";
import type { OperationOptions, RandomAccess } from "../random-access.ts";
import { type ByteCache, createByteCache } from "./byte-cache.ts";

/** How much a block cache may hold, and in what pieces it reads. */
export interface BlockCacheOptions {
  /** Bytes of blocks kept, over all sources. */
  readonly budgetBytes: number;
  /** Size of one block. Default 64 KiB. */
  readonly blockBytes?: number | undefined;
}

/** Recently read blocks of many sources within one budget. */
export interface BlockCache {
  readonly blockBytes: number;
  /** Bytes held at the moment. */
  readonly usedBytes: number;
  /** Reads `source` through this cache; its bytes must not change, but it may grow before it is attached. */
  attach(source: RandomAccess): BlockReader;
}

/** One source seen through a block cache. Bytes it hands out are shared: read, do not write. */
export interface BlockReader {
  readonly sizeBytes: number;
  /** The bytes at `offset` if their blocks are at hand (fewer only where the source ends), else `undefined`; no waiting. */
  tryRead(offset: number, length: number): Uint8Array | undefined;
  /**
   * The bytes at `offset`, fewer only where the source ends. Several callers that miss the same block share one
   * read, which ends early only when all of them have given up. Throws PACK_TRUNCATED where the source is shorter
   * than its `sizeBytes`.
   */
  read(offset: number, length: number, options?: OperationOptions): Promise<Uint8Array>;
  /** Drops this source's blocks. */
  release(): void;
}

/** One read of adjacent blocks on its way. */
interface Flight {
  readonly first: number;
  readonly blocks: Promise<Uint8Array[]>;
  readonly controller: AbortController;
  waiters: number;
}

const DEFAULT_BLOCK_BYTES = 64 * 1024;

/** Makes an empty block cache. */
export function createBlockCache(options: BlockCacheOptions): BlockCache {
  const blockBytes = options.blockBytes ?? DEFAULT_BLOCK_BYTES;
  const kept = createByteCache<number, Uint8Array>({ budgetBytes: options.budgetBytes });
  return {
    blockBytes,
    get usedBytes() {
      return kept.usedBytes;
    },
    attach: (source) => attachSource(source, kept.partition(), blockBytes),
  };
}

function attachSource(
  source: RandomAccess,
  kept: ByteCache<number, Uint8Array>,
  blockBytes: number,
): BlockReader {
  const { sizeBytes } = source;
  const flights = new Map<number, Flight>();
  /** The block used last, so that neighbouring reads skip the cache's bookkeeping. */
  let lastBlock = -1;
  let lastBytes: Uint8Array = new Uint8Array(0);

  function blockAt(block: number): Uint8Array | undefined {
    if (block === lastBlock) return lastBytes;
    const bytes = kept.get(block);
    if (bytes !== undefined) {
      lastBlock = block;
      lastBytes = bytes;
    }
    return bytes;
  }

  function tryRead(offset: number, length: number): Uint8Array | undefined {
    const end = Math.min(offset + length, sizeBytes);
    if (offset >= end) return new Uint8Array(0);
    const first = Math.floor(offset / blockBytes);
    const start = first * blockBytes;
    if (end - start <= blockBytes) {
      const bytes = blockAt(first);
      return bytes?.subarray(offset - start, end - start);
    }
    const last = Math.floor((end - 1) / blockBytes);
    for (let block = first + 1; block <= last; block++) if (kept.get(block) === undefined) return undefined;
    const joined = new Uint8Array(end - offset);
    for (let block = first; block <= last; block++) {
      const bytes = kept.get(block);
      if (bytes === undefined) return undefined;
      copyBlock(bytes, block * blockBytes, joined, offset, end);
    }
    return joined;
  }

  function startFlight(first: number, last: number): Flight {
    const controller = new AbortController();
    const offset = first * blockBytes;
    const length = Math.min((last + 1) * blockBytes, sizeBytes) - offset;
    async function load(): Promise<Uint8Array[]> {
      try {
        const bytes = await source.read(offset, length, { signal: controller.signal });
        if (bytes.length < length) {
          throw new PackError("PACK_TRUNCATED", "the pack is shorter than it was", {
            offset: offset + bytes.length,
          });
        }
        const blocks: Uint8Array[] = [];
        for (let block = first; block <= last; block++) {
          const from = (block - first) * blockBytes;
          // A copy each, so that a kept block does not hold the memory of a whole run, or of whatever the source has.
          const isAlone = bytes.buffer.byteLength === bytes.length;
          const piece =
            first === last && isAlone ? bytes : new Uint8Array(bytes.subarray(from, from + blockBytes));
          blocks.push(piece);
          if (!controller.signal.aborted) kept.set(block, piece, piece.length);
        }
        return blocks;
      } finally {
        for (let block = first; block <= last; block++) {
          if (flights.get(block) === flight) flights.delete(block);
        }
      }
    }
    const flight: Flight = { first, controller, waiters: 0, blocks: Promise.resolve().then(load) };
    flight.blocks.catch(() => undefined);
    for (let block = first; block <= last; block++) flights.set(block, flight);
    return flight;
  }

  async function wait(flight: Flight, signal: AbortSignal | undefined): Promise<Uint8Array[]> {
    flight.waiters++;
    try {
      return await (signal === undefined ? flight.blocks : raceAbort(flight.blocks, signal));
    } finally {
      flight.waiters--;
      if (flight.waiters === 0 && signal?.aborted === true) {
        for (const [block, other] of flights) if (other === flight) flights.delete(block);
        flight.controller.abort(signal.reason);
      }
    }
  }

  async function read(offset: number, length: number, readOptions?: OperationOptions): Promise<Uint8Array> {
    readOptions?.signal?.throwIfAborted();
    const atHand = tryRead(offset, length);
    if (atHand !== undefined) return atHand;
    const end = Math.min(offset + length, sizeBytes);
    const first = Math.floor(offset / blockBytes);
    const last = Math.floor((end - 1) / blockBytes);
    const joined = new Uint8Array(end - offset);
    const waits: Promise<void>[] = [];
    for (let block = first; block <= last; block++) {
      const bytes = kept.get(block);
      if (bytes !== undefined) {
        copyBlock(bytes, block * blockBytes, joined, offset, end);
        continue;
      }
      let flight = flights.get(block);
      if (flight === undefined) {
        let until = block;
        while (until < last && kept.get(until + 1) === undefined && !flights.has(until + 1)) until++;
        flight = startFlight(block, until);
      }
      const from = block;
      while (block < last && flights.get(block + 1) === flight) block++;
      waits.push(copyFlight(flight, from, block));
    }
    await Promise.all(waits);
    return joined;

    async function copyFlight(flight: Flight, from: number, to: number): Promise<void> {
      const blocks = await wait(flight, readOptions?.signal);
      for (let block = from; block <= to; block++) {
        copyBlock(blocks[block - flight.first]!, block * blockBytes, joined, offset, end);
      }
    }
  }

  return {
    sizeBytes,
    tryRead,
    read,
    release() {
      kept.clear();
      lastBlock = -1;
      lastBytes = new Uint8Array(0);
    },
  };
}

/** Copies what the block at `blockStart` has of the range `offset..end` into `target`, which holds that range. */
function copyBlock(
  bytes: Uint8Array,
  blockStart: number,
  target: Uint8Array,
  offset: number,
  end: number,
): void {
  const from = Math.max(offset, blockStart);
  const to = Math.min(end, blockStart + bytes.length);
  target.set(bytes.subarray(from - blockStart, to - blockStart), from - offset);
}

async function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Whoever gives up leaves a promise behind that may reject with nobody listening.
  promise.catch(() => undefined);
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener("abort", stop);
  }
}

import { createPace, finishPaced } from "../read/pace.ts";
import type { PackReader } from "../read/pack-reader.ts";
import type { ObjectFormat } from "../schema.ts";
import type { WorkerPool } from "../workers/worker-pool.ts";
import { collectLoose, type LooseSource } from "../write/write-loose.ts";
import type { SearchSettings } from "./delta-search.ts";
import { FoundDeltas } from "./found-deltas.ts";
import { LOOSE, type ObjectColumns } from "./repack-objects.ts";
import { searchOrderSteps } from "./search-order.ts";
import {
  type PartsRequest,
  SEARCH_SHARED_LENGTH,
  SEARCHED,
  STOP_SEARCH,
  searchParts,
} from "./search-parts.ts";

/** What the search for the deltas of a pack works on. */
export interface FindOptions extends SearchSettings {
  readonly format: ObjectFormat;
  readonly packs: readonly PackReader[];
  readonly loose: readonly LooseSource[];
  readonly columns: ObjectColumns;
  /** Hashes of the objects' paths. */
  readonly names: Uint32Array;
  /** Larger objects stay whole. */
  readonly maxObjectBytes: number;
  /** Deflated deltas that may be held until they are written; others are made again then. */
  readonly heldBytes: number;
  readonly pool: WorkerPool | undefined;
  readonly signal: AbortSignal | undefined;
  /** Told now and then how many objects have been looked at, and of how many. */
  readonly onProgress: ((objects: number, total: number) => void) | undefined;
}

/** Loose objects take part up to so many bytes in all; the rest stays whole. */
const MAX_LOOSE_BYTES = 32 * 1024 * 1024;
/** Fewer objects are not worth the threads. */
const MIN_SHARED_OBJECTS = 1024;
const PROGRESS_MS = 50;

/**
 * Looks for deltas among all objects that are none yet, on the pool's threads where every pack is an open file. The
 * result does not depend on how many threads there are. Throws what reading throws, and `signal.reason`.
 */
export async function findDeltas(options: FindOptions): Promise<FoundDeltas> {
  const { columns, names, packs, pool, signal } = options;
  const pace = createPace();
  const loose = await loadLoose(options);
  const maxObjectBytes = Math.min(options.maxObjectBytes, Math.floor(options.windowBytes / 8));
  const isSearched = (object: number): boolean =>
    columns.sources[object] !== LOOSE || loose.has(columns.offsets[object]!);
  const { order, ends } = await finishPaced(
    searchOrderSteps(columns, names, maxObjectBytes, isSearched),
    pace,
    signal,
  );
  const found = new FoundDeltas(columns.count);
  const shared = new Int32Array(new SharedArrayBuffer(SEARCH_SHARED_LENGTH * 4));
  const fds = packs.map(({ source }) => source.fd);
  const isShareable = fds.every((fd) => fd !== undefined) && order.length >= MIN_SHARED_OBJECTS;
  const threads = pool === undefined || !isShareable ? 0 : Math.min(pool.threads, ends.length);
  const request: PartsRequest = {
    ...settingsOf(options),
    windowBytes: options.windowBytes / Math.max(1, threads),
    columns,
    order,
    ends,
    loose,
    shared,
  };

  const tellProgress = (): void => options.onProgress?.(Atomics.load(shared, SEARCHED), order.length);
  const timer = setInterval(tellProgress, PROGRESS_MS);
  let failure: { readonly error: unknown } | undefined;
  const stop = (error: unknown): void => {
    failure ??= { error };
    Atomics.store(shared, STOP_SEARCH, 1);
  };
  const abort = (): void => stop(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    if (pool === undefined || threads === 0) {
      await searchParts(
        request,
        packs,
        (batch) => found.add(batch),
        () => (pace.isDue() ? pace.rest(signal) : undefined),
      );
    } else {
      const opened = packs.map(({ source, index }) => ({
        fd: source.fd!,
        sizeBytes: source.sizeBytes,
        idx: inSharedMemory(index.bytes),
      }));
      const work = { ...request, kind: "deltas" as const, packs: opened };
      const run = (): Promise<void> =>
        pool.run(work, (answer) => {
          if (answer.kind === "deltas") found.add(answer.batch);
        });
      await Promise.all(Array.from({ length: threads }, () => run().catch(stop)));
    }
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", abort);
  }
  if (failure !== undefined) throw failure.error;
  tellProgress();
  return found;
}

/** Only what may be sent to a thread. */
function settingsOf({
  format,
  window,
  depth,
  windowBytes,
  reuse,
  heldBytes,
}: FindOptions): SearchSettings & Pick<PartsRequest, "format" | "heldBytes"> {
  return { format, window, depth, windowBytes, reuse, heldBytes };
}

async function loadLoose({ columns, loose }: FindOptions): Promise<Map<number, Uint8Array>> {
  const contents = new Map<number, Uint8Array>();
  let left = MAX_LOOSE_BYTES;
  for (let i = 0; i < columns.count && left > 0; i++) {
    if (columns.sources[i] !== LOOSE) continue;
    const number = columns.offsets[i]!;
    const object = loose[number]!;
    if (object.sizeBytes > left) continue;
    left -= object.sizeBytes;
    contents.set(number, await collectLoose(object));
  }
  return contents;
}

function inSharedMemory(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

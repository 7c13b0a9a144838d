import { span } from "@millrace/telemetry";
import type { ObjectFormat } from "../schema.ts";
import type { WorkerPool } from "../workers/worker-pool.ts";
import { collectLoose } from "../write/write-loose.ts";
import { findDeltas } from "./find-deltas.ts";
import { FoundDeltas } from "./found-deltas.ts";
import { nameObjects } from "./name-objects.ts";
import {
  describeObjects,
  LOOSE,
  type ObjectColumns,
  objectsByPosition,
  REUSED,
  type RepackPlaces,
  settleStoredDeltas,
  STORED_DELTA,
} from "./repack-objects.ts";
import { writeOrder } from "./write-order.ts";
import { writeRepacked } from "./write-repacked.ts";

/** What goes into a new pack, and how hard to look for deltas. */
export interface RepackOptions extends RepackPlaces {
  readonly format: ObjectFormat;
  /** The number of the object with the raw id at `offset`, or -1. */
  readonly find: (oid: Uint8Array, offset: number) => number;
  /** Stored deltas stay; else all are looked for anew (`git repack -f`). Default `true`. */
  readonly reuseDeltas?: boolean | undefined;
  /** Objects that each one is compared with (`pack.window`). Default 10. */
  readonly window?: number | undefined;
  /** Longest chain of deltas (`pack.depth`). Default 50. */
  readonly depth?: number | undefined;
  /** What the objects compared with each other may take, over all threads (`pack.windowMemory`). Default 128 MiB. */
  readonly windowBytes?: number | undefined;
  /** New deltas held until they are written, deflated; the rest is made twice (`pack.deltaCacheSize`). Default 128 MiB. */
  readonly deltaCacheBytes?: number | undefined;
  /** Larger objects are stored whole (`core.bigFileThreshold`); a sixteenth of `windowBytes` is the most. Default 512 MiB. */
  readonly maxDeltaObjectBytes?: number | undefined;
  /** Threads for the search, where every pack is an open file. */
  readonly pool?: WorkerPool | undefined;
  readonly onProgress?: ((progress: RepackProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How far a repacking has come. */
export type RepackProgress =
  | { readonly phase: "searching"; readonly objects: number; readonly total: number }
  | { readonly phase: "writing"; readonly objects: number; readonly total: number };

/** A pack that is decided on and can be written once. */
export interface Repacked {
  readonly objectCount: number;
  /** Entries that are deltas, and those of them that are new. */
  readonly deltaCount: number;
  readonly newDeltaCount: number;
  /** Header to trailer. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

const MIB = 1024 * 1024;

/**
 * Decides how objects are stored in a new pack, as `git pack-objects` does: stored deltas stay, and for the rest bases
 * are looked for among objects of the same type and like names. No object may be named twice.
 * Throws what reading throws, PACK_BAD_OBJECT for a malformed tree or commit, and `signal.reason`.
 */
export function repack(options: RepackOptions): Promise<Repacked> {
  return span("pack.repack", { object_format: options.format }, async (handle) => {
    const { format, packs, loose, positions, find, signal, onProgress } = options;
    const { reuseDeltas: reuse = true, window = 10, depth = 50 } = options;
    const columns = await describeObjects(options, objectsByPosition(options), signal);
    settleStoredDeltas(columns, reuse, depth);
    const names = hasNews(columns, reuse)
      ? await nameObjects({
          format,
          columns,
          find,
          signal,
          load: async (object) => {
            const offset = columns.offsets[object]!;
            const source = columns.sources[object]!;
            if (source === LOOSE) return collectLoose(loose[offset]!);
            return (await packs[source]!.readAt(offset, { signal })).content;
          },
        })
      : undefined;
    const found =
      names === undefined
        ? new FoundDeltas(0)
        : await findDeltas({
            format,
            packs,
            loose,
            columns,
            names,
            window,
            depth,
            reuse,
            windowBytes: options.windowBytes ?? 128 * MIB,
            maxObjectBytes: options.maxDeltaObjectBytes ?? 512 * MIB,
            heldBytes: Math.min(options.deltaCacheBytes ?? 128 * MIB, 1024 * MIB),
            pool: options.pool,
            signal,
            onProgress:
              onProgress && ((objects, total) => onProgress({ phase: "searching", objects, total })),
          });
    const total = columns.count;
    const { deltaCount, newDeltaCount } = countDeltas(columns);
    handle.set("object_count", total);
    handle.set("delta_count", deltaCount);
    handle.set("new_delta_count", newDeltaCount);
    let objects = 0;
    const onWritten =
      onProgress &&
      ((count: number): void => onProgress({ phase: "writing", objects: (objects += count), total }));
    const order = writeOrder(columns);
    const bytes = writeRepacked({
      format,
      packs,
      loose,
      positions,
      columns,
      order,
      found,
      signal,
      onWritten,
    });
    return { objectCount: total, deltaCount, newDeltaCount, bytes };
  });
}

/** Whether there is anything to look for: what one pack has stored whole was compared with its neighbours before. */
function hasNews({ count, sources, flags }: ObjectColumns, reuse: boolean): boolean {
  if (!reuse) return true;
  for (let i = 0; i < count; i++) {
    const isCut = (flags[i]! & (STORED_DELTA | REUSED)) === STORED_DELTA;
    if (isCut || sources[i] === LOOSE || sources[i] !== sources[0]) return true;
  }
  return false;
}

function countDeltas({ count, bases, flags }: ObjectColumns): Pick<Repacked, "deltaCount" | "newDeltaCount"> {
  let deltaCount = 0;
  let newDeltaCount = 0;
  for (let i = 0; i < count; i++) {
    if (bases[i]! < 0) continue;
    deltaCount++;
    if ((flags[i]! & REUSED) === 0) newDeltaCount++;
  }
  return { deltaCount, newDeltaCount };
}

import {
  buildPackGraph,
  encodeGraphPieces,
  encodePackMtimes,
  indexPack,
  type OperationOptions,
  type PackIndex,
  PackError,
  repack,
  type RepackOptions,
  type RepackProgress,
  type WorkerPool,
} from "@millrace/pack";
import type { PackInfo, RepositoryStore, Stage } from "@millrace/storage";
import type { ObjectCaches } from "../objects/pack-set.ts";
import type { Gathering } from "./gathering.ts";

export interface NewPackOptions
  extends OperationOptions,
    Pick<RepackOptions, "reuseDeltas" | "window" | "depth"> {
  readonly store: RepositoryStore;
  readonly caches: ObjectCaches;
  readonly workers: WorkerPool | undefined;
  /** For a cruft pack, when each object was last needed, by its number in the gathering, in seconds since 1970. */
  readonly seconds?: ((number: number) => number) | undefined;
  readonly onProgress?: ((progress: RepackProgress) => void) | undefined;
}

/** A new pack, sealed. */
export interface NewPack {
  readonly stage: Stage;
  readonly info: PackInfo;
  readonly index: PackIndex;
  readonly objectCount: number;
  readonly newDeltaCount: number;
}

/**
 * Writes what was gathered into a stage, with index and graph. The pack is read back as one that is received: every object
 * has been rebuilt and hashed before the places that it came from may go. The stage is the caller's to dispose.
 */
export async function writeNewPack(gathering: Gathering, options: NewPackOptions): Promise<NewPack> {
  const { store, caches, workers, seconds, signal, onProgress, reuseDeltas, window, depth } = options;
  const { objectFormat: format } = store;
  const stage = await store.stage({ signal });
  try {
    const repacked = await repack({
      ...gathering.places(),
      format,
      pool: workers,
      reuseDeltas,
      window,
      depth,
      signal,
      onProgress,
    });
    const indexed = await indexPack(repacked.bytes, {
      format,
      sink: stage,
      withLinks: true,
      detectCollisions: false,
      // What is here was bounded when it came, push by push.
      limits: { maxMadeBytes: Number.MAX_SAFE_INTEGER },
      pool: workers,
      signal,
    });
    checkComplete(gathering, indexed.index);
    const graph = await buildPackGraph({ format, packChecksum: indexed.trailer, ...indexed.links!, signal });
    await stage.sidecar("rev", indexed.rev);
    await stage.sidecar("idx", indexed.idx);
    await stage.sidecar("graph", encodeGraphPieces(graph));
    if (seconds !== undefined)
      await stage.sidecar(
        "mtimes",
        encodePackMtimes(indexed.index, times(gathering, indexed.index, seconds)),
      );
    const info = await stage.seal({ header: indexed.header, trailer: indexed.trailer });
    caches.graphs.set(info.id, graph);
    const { objectCount, newDeltaCount } = repacked;
    return { stage, info, index: indexed.index, objectCount, newDeltaCount };
  } catch (error) {
    await stage.discard();
    throw error;
  }
}

function checkComplete(gathering: Gathering, index: PackIndex): void {
  const { table } = gathering;
  for (let number = 0; number < table.size; number++) {
    if (index.find(table.bytesAt(number)) >= 0) continue;
    const oid = table.oidAt(number);
    throw new PackError("PACK_CORRUPT", `object ${oid} is damaged: it has another id when read`, { oid });
  }
}

function times(gathering: Gathering, index: PackIndex, seconds: (number: number) => number): Uint32Array {
  const { table } = gathering;
  const found = new Uint32Array(index.count);
  for (let number = 0; number < table.size; number++)
    found[index.find(table.bytesAt(number))] = seconds(number);
  return found;
}

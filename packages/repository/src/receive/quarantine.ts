import {
  type PackIndex,
  type PackLimits,
  type PackReader,
  type WorkerPool,
  buildPackGraph,
  encodeGraphPieces,
  indexPack,
  oidToBytes,
  openPackReader,
} from "@millrace/pack";
import type { RepositoryStore, Stage } from "@millrace/storage";
import type { ObjectCaches } from "../objects/pack-set.ts";
import type { ObjectView } from "../objects/object-view.ts";
import { type ExternalLinks, externalLinks } from "./external-links.ts";
import type { FsckPass } from "./fsck-pass.ts";
import { OverlayReader } from "./overlay-reader.ts";

/** How far the receiving of a pack has come. */
export type ReceiveProgress =
  | {
      readonly phase: "receiving";
      readonly objects: number;
      readonly total: number;
      readonly bytes: number;
    }
  | { readonly phase: "resolving"; readonly deltas: number; readonly total: number }
  | { readonly phase: "checking"; readonly objects: number };

/** A pack that has arrived whole and can be read, and that nobody else sees. */
export interface QuarantinedPack {
  /** Sealed. */
  readonly stage: Stage;
  readonly index: PackIndex;
  readonly reader: PackReader;
  /** What its objects refer to and it does not bring. */
  readonly externals: ExternalLinks;
}

export interface QuarantineOptions {
  readonly view: ObjectView;
  readonly caches: ObjectCaches;
  readonly fsck: FsckPass | undefined;
  /** What the pack may cost. */
  readonly limits: PackLimits;
  readonly detectCollisions: boolean;
  /** Threads for larger packs. */
  readonly workers: WorkerPool | undefined;
  readonly onProgress?: ((progress: ReceiveProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Streams a pack into a stage, indexing and checking it on the way, and completes it where it is thin.
 * An empty pack leaves nothing: `undefined`.
 * Throws what is wrong with the pack (`PackError`) or with its objects (`REPOSITORY_FSCK_FAILED`); nothing of it stays then.
 */
export async function quarantinePack(
  store: RepositoryStore,
  pack: AsyncIterable<Uint8Array>,
  options: QuarantineOptions,
): Promise<QuarantinedPack | undefined> {
  const { view, fsck, onProgress, signal } = options;
  const stage = await store.stage({ signal });
  try {
    const { objectFormat: format } = store;
    const indexed = await indexPack(pack, {
      format,
      sink: stage,
      signal,
      onProgress,
      limits: options.limits,
      sizeOfBase: async (oid) => (await view.info(oidToBytes(oid)))?.sizeBytes,
      resolveBase: async (oid) => {
        const base = oidToBytes(oid);
        return (await view.has(base)) ? view.read(base) : undefined;
      },
      checks: fsck,
      withLinks: true,
      detectCollisions: options.detectCollisions,
      pool: options.workers,
    });
    if (indexed.objectCount === 0) {
      await stage.discard();
      return undefined;
    }
    const { types, sizes, oids, fragments } = indexed.links!;
    const graph = await buildPackGraph({
      format,
      packChecksum: indexed.trailer,
      types,
      sizes,
      oids,
      fragments,
      signal,
    });
    await stage.sidecar("rev", indexed.rev);
    await stage.sidecar("idx", indexed.idx);
    await stage.sidecar("graph", encodeGraphPieces(graph));
    const { id } = await stage.seal({ header: indexed.header, trailer: indexed.trailer });
    options.caches.graphs.set(id, graph);
    const source = await stage.open();
    const reader = openPackReader({ source, index: indexed.index, ...options.caches });
    await fsck?.finish(new OverlayReader(reader, view), { signal });
    const externals = externalLinks(graph, indexed.objectCount - indexed.appendedBases);
    return { stage, index: indexed.index, reader, externals };
  } catch (error) {
    await stage.discard();
    throw error;
  }
}

import {
  type ObjectType,
  type PackIndex,
  type PackReader,
  indexPack,
  oidToBytes,
  openPackReader,
} from "@millrace/pack";
import type { RepositoryStore, Stage } from "@millrace/storage";
import type { ObjectCaches } from "../objects/pack-set.ts";
import type { ObjectView } from "../objects/object-view.ts";
import type { FsckPass } from "./fsck-pass.ts";
import { OverlayReader } from "./overlay-reader.ts";
import { LinkCollector } from "./link-collector.ts";

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
  readonly links: LinkCollector;
}

export interface QuarantineOptions {
  readonly view: ObjectView;
  readonly caches: ObjectCaches;
  readonly fsck: FsckPass | undefined;
  readonly maxPackBytes?: number | undefined;
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
    const links = new LinkCollector(store.objectFormat);
    const check = (type: ObjectType, oid: Uint8Array, content: Uint8Array): void => {
      fsck?.visit(type, oid, content);
      links.visit(type, content);
    };
    const indexed = await indexPack(pack, {
      format: store.objectFormat,
      sink: stage,
      signal,
      onProgress,
      limits: { maxPackBytes: options.maxPackBytes },
      resolveBase: async (oid) => {
        const base = oidToBytes(oid);
        return (await view.has(base)) ? view.read(base) : undefined;
      },
      visit: ({ type, oid, content }) => {
        // Only a blob may be too large to come whole, and blobs refer to nothing.
        if (content !== undefined) check(type, oid, content);
      },
    });
    if (indexed.objectCount === 0) {
      await stage.discard();
      return undefined;
    }
    await stage.sidecar("rev", indexed.rev);
    await stage.sidecar("idx", indexed.idx);
    await stage.seal({ header: indexed.header, trailer: indexed.trailer });
    const source = await stage.open();
    const reader = openPackReader({ source, index: indexed.index, ...options.caches });
    await fsck?.finish(new OverlayReader(reader, view), { signal });
    return { stage, index: indexed.index, reader, links };
  } catch (error) {
    await stage.discard();
    throw error;
  }
}

import {
  type ObjectFormat,
  type OperationOptions,
  type PackedObject,
  type WorkerPool,
  createBlockCache,
  createByteCache,
} from "@millrace/pack";
import type { RepositoryConfig, RepositoryStore, Snapshot, SnapshotOptions } from "@millrace/storage";
import { maintain, type MaintainRequest, type MaintenanceReport } from "./maintenance/maintain.ts";
import { readReceiveOffer } from "./policy/receive-rules.ts";
import { readUploadPackRules } from "./policy/upload-pack-rules.ts";
import { type HidingService, hiddenRefs } from "./refs/hidden-refs.ts";
import { GraphCache } from "./objects/graph-cache.ts";
import { type ObjectCaches, PackSet } from "./objects/pack-set.ts";
import { receivePush } from "./receive/receive.ts";
import { PeelCache } from "./refs/list-refs.ts";
import { CacheOptions, ReceivePolicy } from "./schema.ts";
import type { OnReceived } from "./receive/received-push.ts";
import { Receiver } from "./receiver.ts";
import { RepositoryView } from "./repository-view.ts";

const MIB = 1024 * 1024;

/** Makes the caches that all repositories of a process share. */
export function createObjectCaches(options: CacheOptions = {}): ObjectCaches {
  const {
    baseBytes = 64 * MIB,
    blockBytes = 32 * MIB,
    entryBytes = 32 * MIB,
    graphBytes = 64 * MIB,
  } = CacheOptions.parse(options, { jitless: true });
  return {
    bases: createByteCache<number, PackedObject>({ budgetBytes: baseBytes }),
    blocks: createBlockCache({ budgetBytes: blockBytes }),
    entries: createByteCache<number, Uint8Array>({ budgetBytes: entryBytes }),
    graphs: new GraphCache(graphBytes),
  };
}

export interface RepositoryOptions {
  /** Default: caches of its own. */
  readonly caches?: ObjectCaches | undefined;
  /** Threads for indexing larger pushes and reading graphs; absent: all is done on this one. */
  readonly workers?: WorkerPool | undefined;
}

export interface ReceiverOptions extends SnapshotOptions {
  readonly policy?: ReceivePolicy | undefined;
  /** The repository is being created by this push: HEAD becomes the pushed branch. Default `false`. */
  readonly isNew?: boolean | undefined;
  /** Is told of a push once its refs have moved; must not throw. */
  readonly onReceived?: OnReceived | undefined;
}

/** One repository over its store; keeps packs open and indexes in memory between requests. */
export interface Repository extends AsyncDisposable {
  readonly store: RepositoryStore;
  readonly objectFormat: ObjectFormat;
  /** A view to serve one fetch from. */
  openView(options?: SnapshotOptions): Promise<RepositoryView>;
  /** What one push goes into; `mayBeOld` is about what is told before it, not about what it is judged by. */
  openReceiver(options?: ReceiverOptions): Promise<Receiver>;
  /**
   * Builds the graphs that packs lack and keeps them where the store has a place for them. They make walks quick; what
   * is read much gets one by itself, in the background.
   */
  buildGraphs(options?: OperationOptions): Promise<void>;
  /** Tidies it up while it is in use, see `MaintainOptions`. Throws `STORAGE_BUSY`, `STORAGE_UNSUPPORTED`. */
  maintain(request?: MaintainRequest): Promise<MaintenanceReport>;
}

/** Puts the engine over a store, which it does not own. */
export function openRepository(store: RepositoryStore, options: RepositoryOptions = {}): Repository {
  const caches = options.caches ?? createObjectCaches();
  const packs = new PackSet(store, caches, options.workers);
  const peels = new PeelCache();
  const { objectFormat } = store;

  const openViewFor = async (
    service: HidingService,
    { signal, mayBeOld }: SnapshotOptions,
  ): Promise<{ view: RepositoryView; config: RepositoryConfig }> => {
    const snapshot = await store.snapshot({ signal, mayBeOld });
    try {
      const [config, borrows] = await Promise.all([
        snapshot.config({ signal }),
        borrowsObjects(snapshot, signal),
      ]);
      const policy = readUploadPackRules(config, borrows);
      const isHidden = hiddenRefs(config, service);
      return { view: new RepositoryView({ snapshot, packs, peels, policy, isHidden, signal }), config };
    } catch (error) {
      await snapshot[Symbol.asyncDispose]();
      throw error;
    }
  };

  return {
    store,
    objectFormat,
    openView: async (asked = {}) => (await openViewFor("uploadpack", asked)).view,
    async openReceiver({ policy: rules = {}, isNew = false, onReceived, ...asked } = {}) {
      const policy = ReceivePolicy.parse(rules);
      const { view, config } = await openViewFor("receive", asked);
      return new Receiver(view, readReceiveOffer(config), (request) =>
        receivePush({ store, packs, caches, workers: options.workers, policy, isNew, onReceived }, request),
      );
    },
    async buildGraphs({ signal } = {}) {
      const snapshot = await store.snapshot({ signal });
      try {
        const open = await packs.acquire(snapshot, { signal });
        try {
          await packs.buildGraphs(open, { signal });
        } finally {
          await packs.release(open);
        }
      } finally {
        await snapshot[Symbol.asyncDispose]();
      }
    },
    maintain: (request = {}) => maintain({ store, packs, caches, workers: options.workers }, request),
    [Symbol.asyncDispose]: () => packs[Symbol.asyncDispose](),
  };
}

/** Whether the repository has alternates: then it can read objects that are none of its own. */
async function borrowsObjects(snapshot: Snapshot, signal: AbortSignal | undefined): Promise<boolean> {
  for await (const _ of snapshot.alternateTips({ signal })) return true;
  return false;
}

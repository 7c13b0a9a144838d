import {
  type ObjectFormat,
  type OperationOptions,
  type PackedObject,
  createBlockCache,
  createByteCache,
} from "@millrace/pack";
import type { RepositoryStore } from "@millrace/storage";
import { type ObjectCaches, PackSet } from "./objects/pack-set.ts";
import { receivePush } from "./receive/receive.ts";
import { PeelCache } from "./refs/list-refs.ts";
import { CacheOptions, ReceivePolicy } from "./schema.ts";
import { Receiver } from "./receiver.ts";
import { RepositoryView } from "./repository-view.ts";

const MIB = 1024 * 1024;

/** Makes the caches that all repositories of a process share. */
export function createObjectCaches(options: CacheOptions = {}): ObjectCaches {
  const { baseBytes = 64 * MIB, blockBytes = 32 * MIB } = CacheOptions.parse(options);
  return {
    bases: createByteCache<number, PackedObject>({ budgetBytes: baseBytes }),
    blocks: createBlockCache({ budgetBytes: blockBytes }),
  };
}

export interface RepositoryOptions {
  /** Default: caches of its own. */
  readonly caches?: ObjectCaches | undefined;
}

export interface ReceiverOptions extends OperationOptions {
  readonly policy?: ReceivePolicy | undefined;
  /** The repository is being created by this push: HEAD becomes the pushed branch. Default `false`. */
  readonly isNew?: boolean | undefined;
}

/** One repository over its store; keeps packs open and indexes in memory between requests. */
export interface Repository extends AsyncDisposable {
  readonly store: RepositoryStore;
  readonly objectFormat: ObjectFormat;
  /** A view to serve one fetch from. */
  openView(options?: OperationOptions): Promise<RepositoryView>;
  /** What one push goes into. */
  openReceiver(options?: ReceiverOptions): Promise<Receiver>;
}

/** Puts the engine over a store, which it does not own. */
export function openRepository(store: RepositoryStore, options: RepositoryOptions = {}): Repository {
  const caches = options.caches ?? createObjectCaches();
  const packs = new PackSet(store, caches);
  const peels = new PeelCache();
  const { objectFormat } = store;

  const openView = async ({ signal }: OperationOptions = {}): Promise<RepositoryView> =>
    new RepositoryView(await store.snapshot({ signal }), packs, peels, signal);

  return {
    store,
    objectFormat,
    openView,
    async openReceiver({ signal, policy: rules = {}, isNew = false } = {}) {
      const policy = ReceivePolicy.parse(rules);
      return new Receiver(await openView({ signal }), (request) =>
        receivePush({ store, packs, caches, policy, isNew }, request),
      );
    },
    [Symbol.asyncDispose]: () => packs[Symbol.asyncDispose](),
  };
}

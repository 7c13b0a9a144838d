import { type Oid, parseObjectFilter } from "@millrace/pack";
import type { RemoteRef } from "@millrace/protocol-v2/client";
import { openRepository, type RepositoryView } from "@millrace/repository";
import type { Storage } from "@millrace/storage";
import type { ResolveOptions } from "../promisor.ts";
import { SourceLimits } from "../schema.ts";
import type { RefSource } from "../tree/resolve-name.ts";
import type { FetchedPack, FetchOptions, ObjectSource } from "./object-source.ts";
import { readFetchedPack } from "./read-pack.ts";

/** A repository read where it lies. Disposing closes it, and not the storage. */
export interface StorageSource extends ObjectSource, RefSource, AsyncDisposable {}

/**
 * The objects and refs of a repository in a storage, a bucket or a disk, with no server in between. All that lies there may
 * be wanted, and refs are listed as the repository's own settings let clients see them. Objects that are not there do not
 * come; that is no error here. Calls throw as a storage's do, as `indexPack`, and `signal.reason`.
 * @throws ZodError where the limits are malformed, and as `Storage.open`.
 */
export async function openStorageSource(
  storage: Storage,
  name: string,
  { signal, ...limits }: SourceLimits & ResolveOptions = {},
): Promise<StorageSource> {
  const bounds = SourceLimits.parse(limits);
  const store = await storage.open(name, { signal });
  const repository = openRepository(store);
  const { objectFormat } = store;

  /** The view that is known where it has all of these, else the newest one. */
  const viewFor = async (oids: readonly Oid[], options: ResolveOptions): Promise<RepositoryView> => {
    const known = await repository.openView({ ...options, mayBeOld: true });
    let isEnough = false;
    try {
      isEnough = (await known.hasObjects(oids)).every(Boolean);
    } finally {
      if (!isEnough) await known[Symbol.asyncDispose]();
    }
    return isEnough ? known : repository.openView(options);
  };

  const fetchPack = async (
    wants: readonly Oid[],
    { filter, depth, onProgress, signal: stop }: FetchOptions = {},
  ): Promise<FetchedPack | undefined> => {
    const view = await viewFor(wants, { signal: stop });
    const close = (): Promise<void> => view[Symbol.asyncDispose]();
    try {
      const isHere = await view.hasObjects(wants);
      const here = wants.filter((_, i) => isHere[i] === true);
      if (here.length === 0) {
        await close();
        return undefined;
      }
      const shallowUpdate = await view.deepen({ wants: here, clientShallow: [], depth, signal: stop });
      const pack = view.createPack({
        wants: here,
        haves: [],
        thinPack: false,
        ofsDelta: true,
        includeTag: false,
        shallowUpdate,
        filter: typeof filter === "string" ? parseObjectFilter(filter) : filter,
        signal: stop,
        onProgress: (progress) => {
          if (progress.phase === "counting") onProgress?.(`Reading objects: ${progress.total}\r`);
        },
      });
      return { pack, shallow: shallowUpdate.shallow, [Symbol.asyncDispose]: close };
    } catch (error) {
      await close();
      throw error;
    }
  };

  return {
    address: `${storage.backend}:${name}`,
    objectFormat: () => Promise.resolve(objectFormat),

    async fetch(wants, options = {}) {
      return readFetchedPack(() => fetchPack(wants, options), objectFormat, bounds, options.signal);
    },
    fetchPack,

    async sizes(oids, options = {}) {
      await using view = await viewFor(oids, options);
      const known = new Map<Oid, number>();
      for (const [i, size] of (await view.objectSizes(oids, options)).entries()) {
        if (size !== undefined) known.set(oids[i]!, size);
      }
      return known;
    },

    async *listRefs({ prefixes, signal: stop }): AsyncGenerator<RemoteRef, void, undefined> {
      await using view = await repository.openView({ signal: stop });
      const asked = prefixes.length === 0 ? undefined : prefixes;
      for await (const ref of view.listRefs({ prefixes: asked, peel: true, signal: stop })) {
        yield { name: ref.name, oid: ref.oid, symrefTarget: ref.symref, peeled: ref.peeled };
      }
    },

    async [Symbol.asyncDispose]() {
      await repository[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

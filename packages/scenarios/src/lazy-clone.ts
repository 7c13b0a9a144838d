import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectFormat } from "@millrace/pack";
import {
  createPromisor,
  type ObjectSource,
  openRemoteSource,
  openStoreCache,
  partialCloneConfig,
  SharedPromisor,
  type StoreCache,
  type StoreCacheOptions,
} from "@millrace/promisor";
import { openDirectoryTransport, openRemote, type Remote } from "@millrace/protocol-v2/client";
import type { RepositoryStore } from "@millrace/storage";
import { createFsRepository, openFsRepository } from "@millrace/storage-fs";
import { git, tryGit } from "./git.ts";
import type { ProgramResult } from "./run-program.ts";
import { createHistory } from "./history.ts";
import { createScratch } from "./scratch.ts";

/** A git directory that holds what a lazy reader has fetched, and the repository that it was fetched from. */
export interface LazyClone extends AsyncDisposable {
  readonly root: string;
  /** The repository that has everything, with a working tree. */
  readonly origin: string;
  /** The partial clone. */
  readonly directory: string;
  readonly remote: Remote;
  readonly store: RepositoryStore;
  readonly cache: StoreCache;
  readonly objects: SharedPromisor;
  /** What each fetch has asked for. */
  readonly requests: (readonly string[])[];
  /** Another reader over the same directory, with nothing in memory. */
  reopen(options?: StoreCacheOptions): Promise<SharedPromisor>;
  /** git in the clone. */
  git(args: readonly string[]): Promise<string>;
  tryGit(args: readonly string[]): Promise<ProgramResult>;
  /** Takes the origin away while this runs. */
  offline<T>(run: () => Promise<T>): Promise<T>;
  oid(name: string): Promise<string>;
}

export async function createLazyClone(
  format: ObjectFormat,
  options: StoreCacheOptions & { readonly directory?: string } = {},
): Promise<LazyClone> {
  const scratch = await createScratch();
  const origin = join(scratch.path, "origin");
  await createHistory(origin, format);
  for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"])
    await git(["config", key, "true"], { cwd: origin });
  const directory = join(options.directory ?? scratch.path, "lazy", "clone.git");
  const store = await createFsRepository(directory, {
    objectFormat: format,
    config: partialCloneConfig({ url: `file://${origin}` }),
  });
  const remote = openRemote(openDirectoryTransport(origin));
  const requests: (readonly string[])[] = [];
  const plain = openRemoteSource(remote);
  const source: ObjectSource = {
    ...plain,
    fetchPack(wants, fetchOptions) {
      requests.push(wants);
      return plain.fetchPack!(wants, fetchOptions);
    },
  };
  const open: AsyncDisposable[] = [];
  const { directory: _, ...cacheOptions } = options;
  const openCache = (from: RepositoryStore, given: StoreCacheOptions): StoreCache => {
    const cache = openStoreCache(from, given);
    open.push(cache);
    return cache;
  };
  const cache = openCache(store, cacheOptions);
  return {
    root: scratch.path,
    origin,
    directory,
    remote,
    store,
    cache,
    objects: new SharedPromisor(await createPromisor(source), { store: cache }),
    requests,
    async reopen(given = {}) {
      const again = openCache(await openFsRepository(directory, { strict: true }), given);
      return new SharedPromisor(await createPromisor(source), { store: again });
    },
    git: (args) => git(args, { cwd: directory }),
    tryGit: (args) => tryGit(args, { cwd: directory }),
    async offline(run) {
      await rename(origin, `${origin}.away`);
      try {
        return await run();
      } finally {
        await rename(`${origin}.away`, origin);
      }
    },
    oid: (name) => git(["rev-parse", name], { cwd: origin }),
    async [Symbol.asyncDispose]() {
      for (const each of open) await each[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await remote[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

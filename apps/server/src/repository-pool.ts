import type { WorkerPool } from "@millrace/pack";
import { type Repository, createObjectCaches, openRepository } from "@millrace/repository";
import {
  type RepositoryStore,
  type Storage,
  type StorageCapabilities,
  StorageError,
} from "@millrace/storage";

interface PooledRepository {
  readonly opening: Promise<Repository>;
  users: number;
  /** Left the pool: closes with its last user. */
  retired: boolean;
}

/** Keeps the repositories used last open, so that packs and indexes are read once for many requests. */
export class RepositoryPool implements AsyncDisposable {
  readonly #storage: Storage;
  readonly #maxOpen: number;
  readonly #workers: WorkerPool;
  readonly #caches = createObjectCaches();
  /** In the order of use, the oldest first. */
  readonly #pooled = new Map<string, PooledRepository>();

  constructor(storage: Storage, maxOpen: number, workers: WorkerPool) {
    this.#storage = storage;
    this.#workers = workers;
    this.#maxOpen = maxOpen;
  }

  get capabilities(): StorageCapabilities {
    return this.#storage.capabilities;
  }

  /**
   * Runs `fn` with an open repository; `isFresh`: it was opened for this call, so what was read of it then is as new as
   * the call. Throws what `Storage.open` throws. A repository that turns out to be gone (its folder was removed) leaves
   * the pool, so that the next request looks for it anew.
   */
  async use<T>(
    name: string,
    signal: AbortSignal,
    fn: (repository: Repository, isFresh: boolean) => Promise<T>,
  ): Promise<T> {
    const isFresh = !this.#pooled.has(name);
    const pooled = this.#take(name);
    try {
      const repository = await pooled.opening;
      signal.throwIfAborted();
      return await fn(repository, isFresh);
    } catch (error) {
      if (isAbsent(error)) this.#drop(name, pooled);
      throw error;
    } finally {
      pooled.users--;
      await this.#closeIfIdle(pooled);
    }
  }

  /**
   * Runs `fn` with a repository that appears with its first successful commit; nothing is left of it otherwise. Where somebody
   * else has made it since it was looked for, `fn` runs with theirs, and is told that it is not new.
   */
  async useNew<T>(
    name: string,
    signal: AbortSignal,
    fn: (repository: Repository, isNew: boolean) => Promise<T>,
  ): Promise<T> {
    let store: RepositoryStore;
    try {
      store = await this.#storage.create(name, { onFirstCommit: true, signal });
    } catch (error) {
      if (!isTaken(error)) throw error;
      return await this.use(name, signal, (repository) => fn(repository, false));
    }
    const repository = this.#engine(store);
    try {
      return await fn(repository, true);
    } finally {
      await close(repository);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#pooled.values()];
    this.#pooled.clear();
    for (const pooled of all) await this.#retire(pooled);
  }

  #take(name: string): PooledRepository {
    let pooled = this.#pooled.get(name);
    if (pooled === undefined) {
      pooled = { opening: this.#open(name), users: 0, retired: false };
      const opened = pooled;
      pooled.opening.catch(() => this.#drop(name, opened));
    }
    pooled.users++;
    this.#pooled.delete(name);
    this.#pooled.set(name, pooled);
    this.#evict();
    return pooled;
  }

  /** `name`, else `name.git`: a URL may leave the ending out. */
  async #open(name: string): Promise<Repository> {
    try {
      return this.#engine(await this.#storage.open(name));
    } catch (error) {
      if (!isAbsent(error) || name.endsWith(".git")) throw error;
      return this.#engine(await this.#storage.open(`${name}.git`));
    }
  }

  #engine(store: RepositoryStore): Repository {
    return openRepository(store, { caches: this.#caches, workers: this.#workers });
  }

  #drop(name: string, pooled: PooledRepository): void {
    pooled.retired = true;
    if (this.#pooled.get(name) === pooled) this.#pooled.delete(name);
  }

  #evict(): void {
    for (const [name, pooled] of this.#pooled) {
      if (this.#pooled.size <= this.#maxOpen) return;
      this.#pooled.delete(name);
      this.#retire(pooled).catch(() => {});
    }
  }

  async #retire(pooled: PooledRepository): Promise<void> {
    pooled.retired = true;
    await this.#closeIfIdle(pooled);
  }

  async #closeIfIdle(pooled: PooledRepository): Promise<void> {
    if (!pooled.retired || pooled.users > 0) return;
    const repository = await pooled.opening.catch(() => undefined);
    if (repository !== undefined) await close(repository);
  }
}

/** Whether an error says that there is no such repository. */
export function isAbsent(error: unknown): boolean {
  return error instanceof StorageError && error.code === "STORAGE_NOT_FOUND";
}

function isTaken(error: unknown): boolean {
  return error instanceof StorageError && error.code === "STORAGE_EXISTS";
}

async function close(repository: Repository): Promise<void> {
  await repository[Symbol.asyncDispose]();
  await repository.store[Symbol.asyncDispose]();
}

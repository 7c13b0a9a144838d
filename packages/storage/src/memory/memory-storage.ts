import type { OperationOptions } from "@millrace/pack";
import type { RepositoryStore, Storage } from "../contract.ts";
import { StorageError } from "../errors.ts";
import { compareNames } from "../name-order.ts";
import { checkRepositoryName } from "../repository-name.ts";
import { CreateOptions, ListOptions } from "../schema.ts";
import { memoryCapabilities } from "./memory-capabilities.ts";
import { createMemoryRepository, type MemoryRepository } from "./memory-repository.ts";
import { createMemoryStore } from "./memory-store.ts";

/** Repositories that live as long as this object, for tests and trials; packs and stages are held in memory whole. */
export function createMemoryStorage(): Storage {
  const repositories = new Map<string, MemoryRepository>();

  const store = (name: string, repository: MemoryRepository, draft: boolean): RepositoryStore =>
    createMemoryStore({ name, repository, repositories, draft });

  return {
    backend: "memory",
    capabilities: memoryCapabilities,
    async open(name, options = {}) {
      options.signal?.throwIfAborted();
      checkRepositoryName(name);
      const repository = repositories.get(name);
      if (repository === undefined) throw notFound(name);
      return store(name, repository, false);
    },
    async create(name, options = {}) {
      options.signal?.throwIfAborted();
      const {
        objectFormat = "sha1",
        head = "refs/heads/main",
        onFirstCommit = false,
        config = [],
      } = CreateOptions.parse(options);
      checkRepositoryName(name);
      if (repositories.has(name)) {
        throw new StorageError("STORAGE_EXISTS", `there is a repository ${name} already`, { key: name });
      }
      const repository = createMemoryRepository(objectFormat, head, config);
      if (!onFirstCommit) repositories.set(name, repository);
      return store(name, repository, onFirstCommit);
    },
    async *list(options: ListOptions & OperationOptions = {}) {
      const { prefix = "", after, limit = Number.POSITIVE_INFINITY } = ListOptions.parse(options);
      let left = limit;
      for (const name of [...repositories.keys()].sort(compareNames)) {
        options.signal?.throwIfAborted();
        if (!name.startsWith(prefix) || (after !== undefined && compareNames(name, after) <= 0)) continue;
        yield name;
        if (--left === 0) return;
      }
    },
    async remove(name, options = {}) {
      options.signal?.throwIfAborted();
      checkRepositoryName(name);
      const repository = repositories.get(name);
      if (repository === undefined) throw notFound(name);
      repositories.delete(name);
      repository.removed = true;
    },
    async [Symbol.asyncDispose]() {
      repositories.clear();
    },
  };
}

function notFound(name: string): StorageError {
  return new StorageError("STORAGE_NOT_FOUND", `no repository ${name}`, { key: name });
}

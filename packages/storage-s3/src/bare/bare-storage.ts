import type { ObjectFormat, OperationOptions } from "@millrace/pack";
import { checkRepositoryName, CreateOptions, type Storage, StorageError } from "@millrace/storage";
import { bareCapabilities } from "./bare-capabilities.ts";
import { type BarePlace, type BareRepository, createBareRepository, notFound } from "./bare-repository.ts";
import { createBareStore } from "./bare-store.ts";
import { claimName, isClaim, removeRepository } from "./claim.ts";
import { listRepositories } from "./list-repositories.ts";
import { makeRepository } from "./make-repository.ts";
import { readFormat } from "./read-format.ts";
import { sweepUploads } from "./sweep-uploads.ts";

/** Repositories that are remembered. */
const REMEMBERED = 1024;

/** The repositories of a bucket, laid out as git lays them out. */
export function createBareStorage(place: BarePlace): Storage {
  const { bucket, files, texts, top } = place;
  const capabilities = bareCapabilities(place.mayDelete);
  /** In the order of use, the oldest first. */
  const known = new Map<string, BareRepository>();

  const repositoryOf = (name: string, objectFormat: ObjectFormat): BareRepository => {
    const before = known.get(name);
    const repository =
      before?.objectFormat === objectFormat ? before : createBareRepository(place, name, objectFormat);
    known.delete(name);
    known.set(name, repository);
    for (const oldest of known.keys()) {
      if (known.size <= REMEMBERED) break;
      known.delete(oldest);
    }
    return repository;
  };

  const isThere = async (name: string, options: OperationOptions): Promise<boolean> => {
    const head = await texts.look(`${top}${name}/HEAD`, options);
    return head !== undefined && !isClaim(head.value);
  };

  /** Throws `STORAGE_BAD_NAME` for a name inside another repository. */
  const checkOutside = async (name: string, options: OperationOptions): Promise<void> => {
    const parts = name.split("/");
    for (let length = 1; length < parts.length; length++) {
      const above = parts.slice(0, length).join("/");
      if (!(await isThere(above, options))) continue;
      throw new StorageError("STORAGE_BAD_NAME", `${name} lies inside the repository ${above}`, {
        key: name,
      });
    }
  };

  return {
    backend: "s3",
    capabilities,
    async open(name, options = {}) {
      options.signal?.throwIfAborted();
      checkRepositoryName(name);
      const repository = repositoryOf(name, await readFormat(place, name, options));
      return createBareStore({ place, repository, capabilities });
    },
    async create(name, options = {}) {
      const { signal } = options;
      signal?.throwIfAborted();
      const { onFirstCommit = false, ...rest } = CreateOptions.parse(options);
      const { objectFormat = "sha1", head = "refs/heads/main", config = [] } = rest;
      checkRepositoryName(name);
      await checkOutside(name, { signal });
      if (await isThere(name, { signal })) throw exists(name);
      const draft = { objectFormat, head, config };
      const repository = repositoryOf(name, objectFormat);
      if (onFirstCommit) return createBareStore({ place, repository, capabilities, draft });
      await repository.inTurn(async () => {
        const claim = await claimName(place, repository.base);
        if (claim === undefined) throw exists(name);
        await makeRepository(place, repository.base, claim, draft, { refs: new Map(), shallow: [] });
      });
      return createBareStore({ place, repository, capabilities });
    },
    list: (options = {}) => listRepositories(place, options),
    async remove(name, options = {}) {
      options.signal?.throwIfAborted();
      checkRepositoryName(name);
      for (;;) {
        const head = await texts.look(`${top}${name}/HEAD`, options);
        if (head === undefined || isClaim(head.value)) throw notFound(name);
        if (await removeRepository(place, `${top}${name}/`, head.etag)) return;
      }
    },
    sweep: (options = {}) => sweepUploads(place, options),
    async [Symbol.asyncDispose]() {
      await files[Symbol.asyncDispose]();
      bucket[Symbol.dispose]();
    },
  };
}

function exists(name: string): StorageError {
  return new StorageError("STORAGE_EXISTS", `there is a repository ${name} already`, { key: name });
}

import { setTimeout } from "node:timers/promises";
import type { OperationOptions } from "@millrace/pack";
import {
  checkRepositoryName,
  CreateOptions,
  type RepositoryStore,
  type Storage,
  StorageError,
} from "@millrace/storage";
import { openBucket } from "./bucket/open-bucket.ts";
import type { BarePlace } from "./bare/bare-repository.ts";
import { createBareStorage } from "./bare/bare-storage.ts";
import { createRemembered } from "./bare/remembered.ts";
import { proveConditions, provesDeletion } from "./bucket/prove-conditions.ts";
import { stateIn } from "./commit/judge.ts";
import { swap } from "./commit/swap.ts";
import { createDiskCache } from "./files/disk-cache.ts";
import { createFileStore } from "./files/file-store.ts";
import { createKeys } from "./keys.ts";
import { listRepositories } from "./list-repositories.ts";
import { sweep } from "./maintenance/sweep.ts";
import { newState, type RepositoryState } from "./manifest/repository-state.ts";
import { createTableStore } from "./refs/table-store.ts";
import { s3Capabilities } from "./s3-capabilities.ts";
import { createS3Repository, type S3Place, type S3Repository } from "./s3-repository.ts";
import { createS3Store } from "./s3-store.ts";
import { S3StorageOptions } from "./schema.ts";

const MIB = 1024 * 1024;
const MINUTE_MS = 60 * 1000;
/** How long closing waits for what could be left undone. */
const CLOSING_MS = 5000;
const HOUR_MS = 60 * MINUTE_MS;
/** Repositories whose manifests are remembered. */
const REMEMBERED = 1024;
/** Small files of repositories in the layout `bare` that are remembered, most of them refs. */
const REMEMBERED_TEXTS = 250_000;

/**
 * Opens the repositories of a bucket. At first it proves that the store honours conditional writes, unless told not to.
 * Throws `STORAGE_UNSUPPORTED` where it does not, `STORAGE_FORBIDDEN`, `STORAGE_IO`.
 */
export async function openS3Storage(
  asked: S3StorageOptions,
  { signal }: OperationOptions = {},
): Promise<Storage> {
  const options = S3StorageOptions.parse(asked);
  const place = openPlace(options);
  const { bucket, keys } = place;
  const isBare = options.layout === "bare";
  let mayDelete = true;
  try {
    if (options.proveConditions ?? true) {
      await proveConditions(bucket, keys.probes, { signal });
      if (isBare) mayDelete = await provesDeletion(bucket, keys.probes, { signal });
    }
  } catch (error) {
    bucket[Symbol.dispose]();
    throw error;
  }
  return isBare ? createBareStorage(openBarePlace(place, options, mayDelete)) : createS3Storage(place);
}

function openBarePlace(
  { bucket, keys, files, settings }: S3Place,
  options: S3StorageOptions,
  mayDelete: boolean,
): BarePlace {
  const decoder = new TextDecoder();
  return {
    bucket,
    top: keys.file(""),
    files,
    mayDelete,
    settings: {
      ...settings,
      listRefsConcurrency: options.listRefsConcurrency ?? 32,
      listRefsTimeoutMs: options.listRefsTimeoutMs ?? 30_000,
      putPackTimeoutMs: options.putPackTimeoutMs ?? HOUR_MS / 2,
      claimTimeoutMs: options.claimTimeoutMs ?? 30_000,
    },
    texts: createRemembered(bucket, (bytes) => decoder.decode(bytes), REMEMBERED_TEXTS),
  };
}

function openPlace(options: S3StorageOptions): S3Place {
  const bucket = openBucket(options);
  const keys = createKeys(options.prefix);
  const { cacheFolder, cacheFolderBytes = 8192 * MIB } = options;
  const files = createFileStore({
    bucket,
    keys,
    rangeBytes: options.rangeBytes ?? 4 * MIB,
    readAhead: options.readAhead ?? 4,
    memoryCacheBytes: options.memoryCacheBytes ?? 64 * MIB,
    spoolFolder: options.spoolFolder,
    disk: cacheFolder === undefined ? undefined : createDiskCache(cacheFolder, cacheFolderBytes),
  });
  const settings = {
    spoolFolder: options.spoolFolder,
    smallPackBytes: options.smallPackBytes ?? 4 * MIB,
    partBytes: options.partBytes ?? 8 * MIB,
    uploadConcurrency: options.uploadConcurrency ?? 4,
    commitTimeoutMs: options.commitTimeoutMs ?? 60_000,
    inlineRefs: options.inlineRefs ?? 1000,
    graceMs: options.graceMs ?? 24 * HOUR_MS,
    leaseMs: options.leaseMs ?? 5 * MINUTE_MS,
  };
  return { bucket, keys, files, tables: createTableStore(files, keys), settings };
}

function createS3Storage(place: S3Place): Storage {
  const { bucket, keys, files, settings } = place;
  /** In the order of use, the oldest first. Two of one repository do no harm: the bucket decides. */
  const known = new Map<string, S3Repository>();

  const repositoryOf = (name: string): S3Repository => {
    const repository = known.get(name) ?? createS3Repository(place, name);
    known.delete(name);
    known.set(name, repository);
    for (const oldest of known.keys()) {
      if (known.size <= REMEMBERED) break;
      known.delete(oldest);
    }
    return repository;
  };

  const store = (repository: S3Repository, state: RepositoryState, isDraft: boolean): RepositoryStore =>
    createS3Store({ place, repository, state, isDraft });

  return {
    backend: "s3",
    capabilities: s3Capabilities,
    async open(name, options = {}) {
      options.signal?.throwIfAborted();
      checkRepositoryName(name);
      const repository = repositoryOf(name);
      const state = stateIn(await repository.latest.refresh(options));
      if (state === undefined) throw notFound(name);
      return store(repository, state, false);
    },
    async create(name, options = {}) {
      const { signal } = options;
      signal?.throwIfAborted();
      const { onFirstCommit = false, ...rest } = CreateOptions.parse(options);
      const { objectFormat = "sha1", head = "refs/heads/main", config = [] } = rest;
      checkRepositoryName(name);
      const repository = repositoryOf(name);
      if (stateIn(await repository.latest.refresh({ signal })) !== undefined) throw exists(name);
      const state = newState({ objectFormat, head, config });
      if (!onFirstCommit) {
        await swap(bucket, repository.latest, { timeoutMs: settings.commitTimeoutMs }, async (version) => {
          if (stateIn(version) !== undefined) throw exists(name);
          return state;
        });
      }
      return store(repository, state, onFirstCommit);
    },
    list: (options = {}) => listRepositories(bucket, keys, options),
    async remove(name, options = {}) {
      options.signal?.throwIfAborted();
      checkRepositoryName(name);
      const { latest } = repositoryOf(name);
      await latest.refresh(options);
      await swap(bucket, latest, { timeoutMs: settings.commitTimeoutMs }, async (version) => {
        const state = stateIn(version);
        if (state === undefined) throw notFound(name);
        return { removedLife: state.life, removedMs: bucket.nowMs(), transactions: [] };
      });
    },
    sweep: (options = {}) => sweep({ place, repositoryOf }, options),
    async [Symbol.asyncDispose]() {
      // What cannot be written now is told again by somebody.
      const flushes = [...known.values()].map(({ outbox }) => outbox.flush().catch(() => undefined));
      await Promise.race([Promise.all(flushes), setTimeout(CLOSING_MS, undefined, { ref: false })]);
      await files[Symbol.asyncDispose]();
      bucket[Symbol.dispose]();
    },
  };
}

function notFound(name: string): StorageError {
  return new StorageError("STORAGE_NOT_FOUND", `no repository ${name}`, { key: name });
}

function exists(name: string): StorageError {
  return new StorageError("STORAGE_EXISTS", `there is a repository ${name} already`, { key: name });
}

import {
  createStorageSpans,
  eachRef,
  type PackHandle,
  type Snapshot,
  StorageError,
  type StorageSpans,
} from "@millrace/storage";
import type { FileStore } from "./files/file-store.ts";
import { createRefReader } from "./refs/read-refs.ts";
import type { TableStore } from "./refs/table-store.ts";
import { type RepositoryState, tokenOf } from "./manifest/repository-state.ts";
import type { StoredFile, StoredPack, StoredPart } from "./manifest/schema.ts";

/** The spans that all repositories in buckets share. */
export const spans: StorageSpans = createStorageSpans("s3");

/** A view of one version of a manifest, which nothing changes any more. */
export function createS3Snapshot(state: RepositoryState, files: FileStore, tables?: TableStore): Snapshot {
  const { objectFormat } = state;
  const refs = createRefReader(state.refs, objectFormat, tables);
  const refBatches: Snapshot["refBatches"] = (query = {}) =>
    spans.listRefs(query, async function* () {
      query.signal?.throwIfAborted();
      yield* refs.batches(query);
    });

  return {
    token: tokenOf(state),
    objectFormat,
    async head(options = {}) {
      options.signal?.throwIfAborted();
      return refs.head(options);
    },
    refs: (query) => eachRef(refBatches(query), objectFormat),
    refBatches,
    async ref(name, options = {}) {
      options.signal?.throwIfAborted();
      return refs.ref(name, options);
    },
    async packs(options = {}) {
      options.signal?.throwIfAborted();
      return state.packs.map(({ id, pack }) => ({ id, sizeBytes: pack[2] }));
    },
    async openPack(id, options = {}) {
      options.signal?.throwIfAborted();
      const pack = state.packs.find((candidate) => candidate.id === id);
      if (pack === undefined) throw new StorageError("STORAGE_NOT_FOUND", `no pack ${id}`, { key: id });
      return openPack(pack, files);
    },
    async openLoose(_oid, options = {}) {
      options.signal?.throwIfAborted();
      return undefined;
    },
    async *listLoose() {},
    async shallow(options = {}) {
      options.signal?.throwIfAborted();
      return state.shallow;
    },
    async config(options = {}) {
      options.signal?.throwIfAborted();
      return state.config;
    },
    async *alternateTips() {},
    async [Symbol.asyncDispose]() {},
  };
}

/** A pack needs no handle: its file stays until long after the manifest has forgotten it. */
function openPack(stored: StoredPack, files: FileStore): PackHandle {
  const fileOf = ([number]: StoredPart): StoredFile => stored.files[number] as StoredFile;
  const [, start, sizeBytes] = stored.pack;
  const source = files.open(fileOf(stored.pack), start, sizeBytes);
  return {
    id: stored.id,
    ...source,
    copyToDisk: (options) => files.copy(fileOf(stored.pack), start, sizeBytes, options),
    async sidecar(kind, options = {}) {
      options.signal?.throwIfAborted();
      const part = kind === "bitmap" ? undefined : stored[kind];
      if (part === undefined) return undefined;
      // Who reads the index reads the pack next.
      if (kind === "idx") files.prefetch(fileOf(stored.pack), start);
      return files.read(fileOf(part), part[1], part[2], options);
    },
    async [Symbol.asyncDispose]() {},
  };
}

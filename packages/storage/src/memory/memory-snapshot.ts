import { type ObjectFormat, type RandomAccess, roomOf, scatter } from "@millrace/pack";
import { eachRef } from "../batches.ts";
import type { PackHandle, RefQuery, Snapshot } from "../contract.ts";
import { StorageError } from "../errors.ts";
import type { RefBatch } from "../ref-lines.ts";
import type { StorageSpans } from "../spans.ts";
import type { MemoryPack, MemoryState } from "./memory-repository.ts";

/** A view of one state, which nothing changes any more. */
export function createMemorySnapshot(
  state: MemoryState,
  objectFormat: ObjectFormat,
  spans: StorageSpans,
): Snapshot {
  const refBatches = (query: RefQuery = {}): AsyncIterable<RefBatch> =>
    spans.listRefs(query, async function* () {
      query.signal?.throwIfAborted();
      yield* state.refs.batches(query);
    });

  return {
    token: state.token,
    objectFormat,
    async head(options = {}) {
      options.signal?.throwIfAborted();
      return state.refs.head();
    },
    refs: (query) => eachRef(refBatches(query), objectFormat),
    refBatches,
    async ref(name, options = {}) {
      options.signal?.throwIfAborted();
      return state.refs.ref(name);
    },
    async packs(options = {}) {
      options.signal?.throwIfAborted();
      return state.packs.map(({ id, bytes }) => ({ id, sizeBytes: bytes.length }));
    },
    async openPack(id, options = {}) {
      options.signal?.throwIfAborted();
      const pack = state.packs.find((candidate) => candidate.id === id);
      if (pack === undefined) throw new StorageError("STORAGE_NOT_FOUND", `no pack ${id}`, { key: id });
      return openMemoryPack(pack);
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

function openMemoryPack(pack: MemoryPack): PackHandle {
  return {
    id: pack.id,
    ...openMemoryBytes(pack.bytes),
    async sidecar(kind, options = {}) {
      options.signal?.throwIfAborted();
      return pack.sidecars.get(kind)?.slice();
    },
    async keepSidecar(kind, bytes, options = {}) {
      options.signal?.throwIfAborted();
      pack.sidecars.set(kind, bytes.slice());
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Random access to bytes in memory; reads are copies. */
export function openMemoryBytes(bytes: Uint8Array): RandomAccess {
  return {
    sizeBytes: bytes.length,
    async read(offset, length, options = {}) {
      options.signal?.throwIfAborted();
      return bytes.slice(offset, offset + length);
    },
    async readInto(targets, offset, options = {}) {
      options.signal?.throwIfAborted();
      const found = bytes.subarray(offset, offset + roomOf(targets));
      scatter(found, targets);
      return found.length;
    },
  };
}

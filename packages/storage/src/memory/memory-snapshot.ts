import { type ObjectFormat, type RandomAccess, roomOf, scatter } from "@millrace/pack";
import { eachRef } from "../batches.ts";
import type { PackHandle, Ref, RefQuery, Snapshot } from "../contract.ts";
import { StorageError } from "../errors.ts";
import { resolveRefName } from "../ref-plan.ts";
import type { RefBatch } from "../ref-lines.ts";
import { refRanges } from "../ref-prefixes.ts";
import type { StorageSpans } from "../spans.ts";
import type { MemoryPack, MemoryState } from "./memory-repository.ts";

const BATCH = 1024;

/** A view of one state, which nothing changes any more. */
export function createMemorySnapshot(
  state: MemoryState,
  objectFormat: ObjectFormat,
  spans: StorageSpans,
): Snapshot {
  const resolve = (name: string): Ref | undefined => {
    const target = resolveRefName(name, state.refs.get);
    const stored = target === undefined ? undefined : state.refs.get(target);
    if (target === undefined || stored === undefined || stored.symref !== undefined) return undefined;
    return target === name ? { name, oid: stored.oid } : { name, oid: stored.oid, symref: target };
  };

  async function* batches({ prefixes, signal }: RefQuery): AsyncGenerator<readonly Ref[]> {
    let batch: Ref[] = [];
    for (const range of refRanges(prefixes)) {
      for (const name of state.refs.under(range)) {
        const ref = resolve(name);
        if (ref === undefined || batch.push(ref) < BATCH) continue;
        yield batch;
        signal?.throwIfAborted();
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }

  const refBatches = (query: RefQuery = {}): AsyncIterable<RefBatch> =>
    spans.listRefs(query, async function* () {
      query.signal?.throwIfAborted();
      yield* batches(query);
    });

  return {
    token: state.token,
    objectFormat,
    async head(options = {}) {
      options.signal?.throwIfAborted();
      const symref = resolveRefName("HEAD", state.refs.get);
      const oid = resolve("HEAD")?.oid;
      return symref === "HEAD" || symref === undefined ? { oid } : { symref, oid };
    },
    refs: (query) => eachRef(refBatches(query), objectFormat),
    refBatches,
    async ref(name, options = {}) {
      options.signal?.throwIfAborted();
      return name.startsWith("refs/") ? resolve(name) : undefined;
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

import { setImmediate } from "node:timers/promises";
import { span, streamSpan } from "@millrace/telemetry";
import type { CommitRequest, CommitResult, RefQuery } from "./contract.ts";
import { countRefs, type RefBatch } from "./ref-lines.ts";

/** A pack that is being made visible, as telemetry reports it. */
export interface PackLanding {
  readonly id: string;
  readonly sizeBytes: number;
  readonly idxBytes: number;
}

/** The spans of a storage backend: each backend runs its work through these, so that names and fields agree. */
export interface StorageSpans {
  /** `storage.list_refs` */
  listRefs(query: RefQuery, batches: () => AsyncIterable<RefBatch>): AsyncIterable<RefBatch>;
  /** `storage.put_pack`: one staged pack becomes visible. */
  putPack<T>(pack: PackLanding, land: () => Promise<T>): Promise<T>;
  /** `storage.commit`: a whole commit, from its locks to its result. */
  commit(request: CommitRequest, run: () => Promise<CommitResult>): Promise<CommitResult>;
}

/** Batches of refs after which others get their turn on the event loop. */
const BATCHES_A_TURN = 8;

/** The spans of the backend of this name; without subscribers they cost next to nothing. */
export function createStorageSpans(backend: string): StorageSpans {
  return {
    listRefs(query, batches) {
      const metadata = { backend, ref_prefix: query.prefixes?.join(" ") ?? "" };
      return streamSpan("storage.list_refs", metadata, async function* (handle): AsyncGenerator<RefBatch> {
        let count = 0;
        let batchCount = 0;
        for await (const batch of batches()) {
          count += countRefs(batch);
          handle.set("ref_count", count);
          yield batch;
          if (++batchCount % BATCHES_A_TURN === 0) await setImmediate();
        }
        handle.set("ref_count", count);
      });
    },
    putPack(pack, land) {
      return span("storage.put_pack", { backend, pack_id: pack.id }, (handle) => {
        handle.set("pack_size", pack.sizeBytes);
        handle.set("idx_size", pack.idxBytes);
        return land();
      });
    },
    commit(request, run) {
      const metadata = { backend, atomic: request.atomic === true };
      return span("storage.commit", metadata, async (handle) => {
        handle.set("ref_count", request.refs?.length ?? 0);
        handle.set("pack_count", request.add?.length ?? 0);
        const result = await run();
        handle.set("outcome", outcomeOf(result));
        return result;
      });
    },
  };
}

function outcomeOf(result: CommitResult): string {
  if (!result.refs.some((refusal) => refusal !== undefined)) return "committed";
  return result.committed ? "partial" : "rejected";
}

import type { RandomAccess } from "@millrace/pack";
import { type SidecarKind, StorageError } from "@millrace/storage";
import { spans } from "../s3-snapshot.ts";
import { createMultipart } from "../stage/multipart.ts";
import type { PackUpload } from "../stage/s3-stage.ts";
import type { BarePlace, BareRepository } from "./bare-repository.ts";

/** A sealed pack in its spool, with what goes beside it. */
export interface StagedPack {
  readonly id: string;
  readonly source: RandomAccess;
  readonly beside: ReadonlyMap<SidecarKind, Uint8Array>;
}

/**
 * An upload that waits for its commit: a file has its name from the start, and the name of a pack is its checksum, which
 * is known at the end. So nothing of a push that is refused ever lies in the bucket.
 */
export function createWaitingUpload(): PackUpload<StagedPack> {
  const beside = new Map<SidecarKind, Uint8Array>();
  let source: RandomAccess | undefined;
  return {
    follow() {},
    async send(whole) {
      source = whole;
    },
    sidecar: (kind, bytes) => void beside.set(kind, bytes),
    has: (kind) => beside.has(kind),
    stored(id) {
      if (source === undefined) throw new Error("not sealed yet");
      return { id, source, beside };
    },
    async discard() {
      beside.clear();
    },
  };
}

/**
 * Uploads a pack and what goes beside it, all at once, under the names that git gives them. It counts when the pack and
 * its index are both there; what a broken upload leaves is in nobody's way. Throws `STORAGE_IO` where it takes too long.
 */
export async function landPack(
  place: BarePlace,
  repository: BareRepository,
  pack: StagedPack,
): Promise<void> {
  const { bucket, files, settings, top } = place;
  const deadline = AbortSignal.timeout(settings.putPackTimeoutMs);
  const ending = new AbortController();
  const signal = AbortSignal.any([deadline, ending.signal]);
  const keyOf = (kind: string): string => `${repository.base}objects/pack/pack-${pack.id}.${kind}`;
  const { source } = pack;

  const put = async (kind: string, bytes: Uint8Array): Promise<void> => {
    const version = await bucket.put("pack", keyOf(kind), bytes, { signal });
    files.keep({ key: keyOf(kind).slice(top.length), sizeBytes: bytes.length, version }, bytes);
  };
  const putPack = async (): Promise<void> => {
    if (source.sizeBytes <= settings.partBytes) {
      return put("pack", await source.read(0, source.sizeBytes, { signal }));
    }
    const { partBytes, uploadConcurrency: concurrency } = settings;
    const upload = createMultipart({ bucket, key: keyOf("pack"), partBytes, concurrency, signal });
    try {
      await upload.finish(source);
    } catch (error) {
      await upload.abort().catch(() => undefined);
      throw error;
    }
  };

  const landing = { id: pack.id, sizeBytes: source.sizeBytes, idxBytes: pack.beside.get("idx")?.length ?? 0 };
  await spans.putPack(landing, async () => {
    const sending = [putPack(), ...[...pack.beside].map(([kind, bytes]) => put(kind, bytes))];
    for (const each of sending) each.catch((error: unknown) => ending.abort(error));
    const settled = await Promise.allSettled(sending);
    if (settled.every(({ status }) => status === "fulfilled")) return;
    if (deadline.aborted) {
      const message = `${keyOf("pack")}: not uploaded within ${settings.putPackTimeoutMs} ms`;
      throw new StorageError("STORAGE_IO", message, { cause: deadline.reason, key: keyOf("pack") });
    }
    throw ending.signal.reason as Error;
  });
  repository.landed.set(pack.id, repository.landed.size + 1);
}

import type { RandomAccess } from "@millrace/pack";
import type { SidecarKind } from "@millrace/storage";
import type { Bucket } from "../bucket/bucket.ts";
import { freshFileKey, type Keys } from "../keys.ts";
import type { UploadedPack } from "../manifest/repository-state.ts";
import type { StoredFile, StoredPart } from "../manifest/schema.ts";
import { createMultipart, type Multipart } from "./multipart.ts";
import type { PackUpload } from "./s3-stage.ts";

export interface PackUploadOptions {
  readonly bucket: Bucket;
  readonly keys: Keys;
  readonly life: string;
  readonly smallPackBytes: number;
  readonly partBytes: number;
  readonly concurrency: number;
  /** Told the content of small files that were sent: they need not be read again. */
  readonly onSent: (file: StoredFile, bytes: Uint8Array) => void;
  readonly signal: AbortSignal;
}

/**
 * A small pack goes with its sidecars in one file, so that it is one request to write and one to read. A larger one goes
 * up in parts while it arrives, its sidecars together in a second file beside it.
 */
export function createPackUpload(options: PackUploadOptions): PackUpload<UploadedPack> {
  const { bucket, keys, life, signal } = options;
  const waiting = new Map<SidecarKind, Uint8Array>();
  const placed = new Map<SidecarKind | "pack", StoredPart>();
  const kept = new Set<SidecarKind>();
  const files: StoredFile[] = [];
  const begun: string[] = [];
  const packKey = freshFileKey(life, "pack");
  let multipart: Multipart | undefined;

  const large = (): Multipart =>
    (multipart ??= createMultipart({
      ...options,
      key: keys.file(packKey),
      concurrency: options.concurrency,
    }));

  /** One file of these pieces, in their order. */
  const putTogether = async (
    key: string,
    pieces: readonly (readonly [SidecarKind | "pack", Uint8Array])[],
  ): Promise<void> => {
    const bytes = Buffer.concat(pieces.map(([, piece]) => piece));
    begun.push(key);
    await bucket.put("pack", keys.file(key), bytes, { signal });
    const file = { key, sizeBytes: bytes.length };
    const number = files.push(file) - 1;
    let offset = 0;
    for (const [kind, piece] of pieces) {
      placed.set(kind, [number, offset, piece.length]);
      offset += piece.length;
    }
    options.onSent(file, bytes);
  };

  const readAll = (source: RandomAccess): Promise<Uint8Array> => source.read(0, source.sizeBytes, { signal });

  const sendLarge = async (source: RandomAccess): Promise<void> => {
    if (multipart === undefined && source.sizeBytes <= options.partBytes) {
      await putTogether(packKey, [["pack", await readAll(source)]]);
      return;
    }
    begun.push(packKey);
    await large().finish(source);
    placed.set("pack", [files.push({ key: packKey, sizeBytes: source.sizeBytes }) - 1, 0, source.sizeBytes]);
  };

  return {
    follow(source) {
      if (source.sizeBytes > options.partBytes) large().follow(source);
    },
    async send(source) {
      const sidecars = [...waiting];
      waiting.clear();
      if (placed.has("pack")) {
        if (sidecars.length > 0) await putTogether(freshFileKey(life, "parts"), sidecars);
        return;
      }
      if (multipart === undefined && source.sizeBytes <= options.smallPackBytes) {
        await putTogether(packKey, [["pack", await readAll(source)], ...sidecars]);
        return;
      }
      const results = await Promise.allSettled([
        sendLarge(source),
        sidecars.length > 0 ? putTogether(freshFileKey(life, "parts"), sidecars) : undefined,
      ]);
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
    sidecar(kind, bytes) {
      kept.add(kind);
      waiting.set(kind, bytes);
    },
    has: (kind) => kept.has(kind),
    stored(id) {
      const [pack, idx] = [placed.get("pack"), placed.get("idx")];
      if (pack === undefined || idx === undefined) throw new Error("not sent yet");
      const [rev, graph, mtimes] = [placed.get("rev"), placed.get("graph"), placed.get("mtimes")];
      return { id, files, pack, idx, rev, graph, mtimes };
    },
    async discard() {
      waiting.clear();
      await multipart?.abort().catch(() => undefined);
      await Promise.all(begun.map((key) => bucket.delete("pack", keys.file(key)).catch(() => undefined)));
    },
  };
}

import { span } from "@millrace/telemetry";
import {
  encodePackIndexSteps,
  encodeReverseIndexSteps,
  type PackIndexContent,
} from "../index-file/encode.ts";
import { openPackIndex, type PackIndex } from "../index-file/pack-index.ts";
import { sortByOidSteps } from "../index-file/sort.ts";
import type { PackSink } from "../random-access.ts";
import { createPace, finishPaced } from "../read/pace.ts";
import type { PackedObject } from "../read/pack-reader.ts";
import type { ObjectFormat, ObjectType, Oid, PackLimits } from "../schema.ts";
import { appendBases, hashPack } from "./complete-thin.ts";
import { resolveDeltas } from "./resolve.ts";
import { type ScannedPack, scanStream } from "./scan-stream.ts";
import { createSpool } from "./spool.ts";
import { openStoredEntries } from "./stored-entries.ts";

/** An object of the pack, as `visit` is told of it; views are valid during the call. */
export interface VisitedObject {
  readonly type: ObjectType;
  /** Raw id. */
  readonly oid: Uint8Array;
  readonly sizeBytes: number;
  /** `undefined` for an object over 1 MiB that is stored whole: it went by in pieces. */
  readonly content: Uint8Array | undefined;
}

/** How far indexing has come. */
export type IndexProgress =
  | { readonly phase: "receiving"; readonly objects: number; readonly total: number; readonly bytes: number }
  | { readonly phase: "resolving"; readonly deltas: number; readonly total: number };

/** Where a pack goes and what is asked of it. */
export interface IndexPackOptions {
  readonly format: ObjectFormat;
  /** Takes header, entries and appended bases, not the trailer. */
  readonly sink: PackSink;
  /** Objects of the repository that a thin pack may build on; asked twice for one that is appended. */
  readonly resolveBase?: ((oid: Oid) => Promise<PackedObject | undefined>) | undefined;
  /** Called for each object of the pack exactly once, in no fixed order; appended bases do not count. */
  readonly visit?: ((object: VisitedObject) => void) | undefined;
  readonly limits?: PackLimits | undefined;
  /** Memory for resolving deltas, half of it for their bases and half for small deltas as they arrive. Default 64 MiB. */
  readonly deltaBytes?: number | undefined;
  readonly onProgress?: ((progress: IndexProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A pack that has been received whole and understood. */
export interface IndexedPack {
  /** With appended bases. */
  readonly objectCount: number;
  /** Bytes of the finished pack, header and trailer included. */
  readonly packBytes: number;
  /** The finished pack's first 12 bytes; other than received where bases were appended. */
  readonly header: Uint8Array;
  /** The finished pack's checksum. */
  readonly trailer: Uint8Array;
  /** Contents of the index file, version 2. */
  readonly idx: Uint8Array;
  /** Contents of the reverse index file. */
  readonly rev: Uint8Array;
  readonly index: PackIndex;
  /** How many bases were appended to complete a thin pack. */
  readonly appendedBases: number;
  /** What the source's last chunk held beyond the pack: empty, or the caller's to judge (PACK_TRAILING_BYTES). */
  readonly trailing: Uint8Array;
}

const DEFAULT_DELTA_BYTES = 64 * 1024 * 1024;
const DEFAULT_MAX_DELTA_BYTES = 512 * 1024 * 1024;

/**
 * Receives a pack and makes its index (git index-pack --fix-thin): checks and spools it while it arrives, then
 * resolves its deltas from what was spooled. Reading stops at the pack's end, where the source is left by `return`; to
 * keep a Node stream open, pass `stream.iterator({ destroyOnReturn: false })`. On a fault the sink's content is of
 * no use; discarding it is the caller's.
 * Throws every `PACK_` code but TRAILING_BYTES, BAD_INDEX and OBJECT_NOT_FOUND, what the sink throws, and `signal.reason`.
 */
export function indexPack(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: IndexPackOptions,
): Promise<IndexedPack> {
  return span("pack.index", { object_format: options.format }, async (handle) => {
    const { format, signal, visit, limits, resolveBase } = options;
    const pace = createPace();
    const spool = createSpool(options.sink);
    const deltaBytes = options.deltaBytes ?? DEFAULT_DELTA_BYTES;
    const object: { -readonly [K in keyof VisitedObject]: VisitedObject[K] } = {
      type: "blob",
      oid: new Uint8Array(0),
      sizeBytes: 0,
      content: undefined,
    };

    function visitEntry(
      type: ObjectType,
      oid: Uint8Array,
      sizeBytes: number,
      content: Uint8Array | undefined,
    ): void {
      object.type = type;
      object.oid = oid;
      object.sizeBytes = sizeBytes;
      object.content = content;
      visit?.(object);
    }
    const scanned: ScannedPack = await scanStream(source, {
      format,
      limits,
      spool,
      pace,
      signal,
      keptDeltaBytes: deltaBytes / 2,
      visit: visit === undefined ? undefined : visitEntry,
      onProgress: (objects, total, bytes) =>
        options.onProgress?.({ phase: "receiving", objects, total, bytes }),
    });
    const { table, deltas, deltaCount, refCount } = scanned;
    await spool.flush();

    let { header, trailer } = scanned;
    let appended: readonly Oid[] = [];
    if (deltaCount > 0) {
      const maxDeltaBytes = limits?.maxDeltaBytes ?? DEFAULT_MAX_DELTA_BYTES;
      const stored = openStoredEntries(table, await options.sink.open(), maxDeltaBytes, signal);
      try {
        appended = await resolveDeltas({
          format,
          table,
          refCount,
          inflate: (entry) => deltas.get(entry) ?? stored.inflate(entry),
          resolveBase,
          visit: visit === undefined ? undefined : visitEntry,
          maxResultBytes: Math.min(maxDeltaBytes, limits?.maxObjectBytes ?? maxDeltaBytes),
          budgetBytes: deltaBytes / 2,
          pace,
          signal,
          onResolved: (deltas) => options.onProgress?.({ phase: "resolving", deltas, total: deltaCount }),
        });
      } finally {
        stored.release();
      }
    }
    if (appended.length > 0 && resolveBase !== undefined) {
      await appendBases(table, appended, resolveBase, spool, signal);
      await spool.flush();
      header = header.slice();
      new DataView(header.buffer).setUint32(8, table.count);
      trailer = await hashPack(format, header, await options.sink.open(), table.bodyEnd, signal);
    }
    const order = await finishPaced(sortByOidSteps(table.oids, table.count, table.hashBytes), pace, signal);
    const { count, oids, offsets, crcs } = table;
    const content: PackIndexContent = { format, count, oids, offsets, crcs, packChecksum: trailer, order };
    const idx = await finishPaced(encodePackIndexSteps(content), pace, signal);
    const rev = await finishPaced(encodeReverseIndexSteps(content), pace, signal);
    const packBytes = table.bodyEnd + table.hashBytes;
    handle.set("object_count", count);
    handle.set("delta_count", deltaCount);
    handle.set("pack_size", packBytes);
    return {
      objectCount: count,
      packBytes,
      header,
      trailer,
      idx,
      rev,
      index: openPackIndex(idx, format),
      appendedBases: appended.length,
      trailing: scanned.trailing,
    };
  });
}

import { span } from "@millrace/telemetry";
import type { FsckSession } from "../fsck/session.ts";
import type { LinkFragment } from "../graph/link-fragment.ts";
import { createLinkStore, type LinkStore } from "../graph/link-store.ts";
import {
  encodePackIndexSteps,
  encodeReverseIndexSteps,
  type PackIndexContent,
} from "../index-file/encode.ts";
import { openPackIndex, type PackIndex } from "../index-file/pack-index.ts";
import { sortByOidSteps } from "../index-file/sort.ts";
import type { PackSink } from "../random-access.ts";
import { createPace, finishPaced, type Pace } from "../read/pace.ts";
import type { PackedObject } from "../read/pack-reader.ts";
import type { ObjectFormat, ObjectType, Oid, PackLimits } from "../schema.ts";
import type { WorkerPool } from "../workers/worker-pool.ts";
import { appendBases, hashPack } from "./complete-thin.ts";
import type { EntryTable } from "./entry-table.ts";
import { LinkOutput } from "./link-output.ts";
import {
  type IntakeOptions,
  ObjectIntake,
  type TakeFindings,
  type VisitObject,
  type VisitPiece,
} from "./object-intake.ts";
import { isWorthWorkers, resolveDeltas } from "./resolve.ts";
import { resolveBounds } from "./resolve-bounds.ts";
import { scanStream } from "./scan-stream.ts";
import { createSpool } from "./spool.ts";
import { returnWorkspace, takeWorkspace } from "./workspace.ts";

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

/** Object checks of a pack on its way in. */
export interface ObjectChecks {
  /** Checks each object; its `finish` is the caller's. */
  readonly session: FsckSession;
  /** Told what was found, object by object; what it throws ends the indexing. */
  readonly onFindings: TakeFindings;
}

/** Where a pack goes and what is asked of it. */
export interface IndexPackOptions {
  readonly format: ObjectFormat;
  /** Takes header, entries and appended bases, not the trailer. */
  readonly sink: PackSink;
  /** Objects of the repository that a thin pack may build on; asked twice for one that is appended. */
  readonly resolveBase?: ((oid: Oid) => Promise<PackedObject | undefined>) | undefined;
  /** The size of such an object in bytes, asked first: a base that is too large, or has to wait for others, is not read then. */
  readonly sizeOfBase?: ((oid: Oid) => Promise<number | undefined>) | undefined;
  /** Called for each object of the pack exactly once, in no fixed order; appended bases do not count. */
  readonly visit?: ((object: VisitedObject) => void) | undefined;
  /**
   * Called for each piece of a blob over 1 MiB that is stored whole, while it arrives: in order, one blob after the other, each
   * before `visit` tells its id. Nothing is known to be right before that.
   * @param sizeBytes of the whole blob
   * @param piece valid during the call
   */
  readonly visitPiece?: VisitPiece | undefined;
  readonly limits?: PackLimits | undefined;
  /** Memory for resolving deltas, half of it for their bases and half for small deltas as they arrive. Default 48 MiB. */
  readonly deltaBytes?: number | undefined;
  /** Object checks in the same pass. */
  readonly checks?: ObjectChecks | undefined;
  /** Gather what the objects refer to: `IndexedPack.links`. Default `false`. */
  readonly withLinks?: boolean | undefined;
  /** Refuse objects that were made to collide under SHA-1, as git does. Default `true`. */
  readonly detectCollisions?: boolean | undefined;
  /**
   * Threads for the deltas of larger packs, where the sink can be read by `fd` and nobody asks for `visit`; absent: all is
   * done here, in stretches of some milliseconds.
   */
  readonly pool?: WorkerPool | undefined;
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
  /**
   * With `withLinks`, what each object refers to, appended bases included; entries are numbered in pack order. `types`
   * and `sizes`, in bytes, have an element for each entry; types are numbered as in packs.
   */
  readonly links?: PackLinks | undefined;
  /** What the source's last chunk held beyond the pack: empty, or the caller's to judge (PACK_TRAILING_BYTES). */
  readonly trailing: Uint8Array;
}

/** What the objects of a pack refer to. */
export interface PackLinks {
  /** As often as they are asked for, as long as the sink is there; each is valid until the next. */
  readonly fragments: AsyncIterable<LinkFragment>;
  readonly types: Uint8Array;
  readonly sizes: Float64Array;
  /** Raw ids in pack order. */
  readonly oids: Uint8Array;
}

const DEFAULT_DELTA_BYTES = 48 * 1024 * 1024;

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
    const { format, signal } = options;
    const pace = createPace();
    const links =
      options.withLinks === true ? createLinkStore(options.sink.scratch?.bind(options.sink)) : undefined;
    const received = await receive(source, options, links, pace);
    await links?.settle();
    const { table, trailer, header } = received;
    const { count, oids, offsets, crcs, hashBytes } = table;
    const order = await finishPaced(sortByOidSteps(oids, count, hashBytes), pace, signal);
    const content: PackIndexContent = { format, count, oids, offsets, crcs, packChecksum: trailer, order };
    const idx = await finishPaced(encodePackIndexSteps(content), pace, signal);
    const rev = await finishPaced(encodeReverseIndexSteps(content), pace, signal);
    const packBytes = table.bodyEnd + hashBytes;
    handle.set("object_count", count);
    handle.set("delta_count", received.deltaCount);
    handle.set("pack_size", packBytes);
    return {
      objectCount: count,
      packBytes,
      header,
      trailer,
      idx,
      rev,
      index: openPackIndex(idx, format, rev),
      appendedBases: received.appendedBases,
      links: links === undefined ? undefined : linksOf(table, links),
      trailing: received.trailing,
    };
  });
}

/** A pack that is stored, with all ids known. */
interface ReceivedPack {
  readonly table: EntryTable;
  readonly deltaCount: number;
  readonly appendedBases: number;
  readonly header: Uint8Array;
  readonly trailer: Uint8Array;
  readonly trailing: Uint8Array;
}

/** Scans, resolves and completes; links go to the store. */
async function receive(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: IndexPackOptions,
  linkStore: LinkStore | undefined,
  pace: Pace,
): Promise<ReceivedPack> {
  const { format, sink, signal, limits, resolveBase } = options;
  const deltaBytes = options.deltaBytes ?? DEFAULT_DELTA_BYTES;
  const treatment: IntakeOptions = {
    format,
    detectCollisions: options.detectCollisions ?? true,
    session: options.checks?.session,
    onFindings: options.checks?.onFindings,
    visit: visitorOf(options.visit),
    visitPiece: options.visitPiece,
  };
  let isPrepared = false;
  const spool = createSpool(sink);
  const workspace = takeWorkspace();
  try {
    const intake = new ObjectIntake(workspace, treatment);
    const links = new LinkOutput(workspace, format, linkStore?.add);
    const shared = { ...treatment, workspace, intake, links, linkStore, pace, signal };
    const scanned = await scanStream(source, {
      ...shared,
      limits,
      spool,
      keptDeltaBytes: deltaBytes / 2,
      onProgress: (objects, total, bytes) =>
        options.onProgress?.({ phase: "receiving", objects, total, bytes }),
      onDeltas(count, bytes) {
        if (isPrepared || options.visit !== undefined || !isWorthWorkers(count, bytes)) return;
        isPrepared = true;
        options.pool?.prepare();
      },
    });
    await spool.flush();
    const { table, deltas, deltaCount, refCount, header, trailer, trailing } = scanned;
    let appended: readonly Oid[] = [];
    if (deltaCount > 0) {
      appended = await resolveDeltas({
        ...shared,
        table,
        deltas,
        deltaCount,
        refCount,
        stored: await sink.open(),
        pool: options.pool,
        resolveBase,
        sizeOfBase: options.sizeOfBase,
        bounds: resolveBounds(limits, table.bodyEnd),
        budgetBytes: deltaBytes / 2,
        onResolved: (resolved) =>
          options.onProgress?.({ phase: "resolving", deltas: resolved, total: deltaCount }),
      });
    }
    const received = { table, deltaCount, appendedBases: appended.length, header, trailer, trailing };
    if (appended.length === 0 || resolveBase === undefined) {
      links.finish();
      return received;
    }
    const { sizeOfBase } = options;
    await appendBases(table, appended, { resolveBase, sizeOfBase, links, spool, signal });
    links.finish();
    await spool.flush();
    const completed = header.slice();
    new DataView(completed.buffer).setUint32(8, table.count);
    const checksum = await hashPack(format, completed, await sink.open(), table.bodyEnd, signal);
    return { ...received, header: completed, trailer: checksum };
  } finally {
    returnWorkspace(workspace);
  }
}

/** One object is told of all, with new content in it each time. */
function visitorOf(visit: IndexPackOptions["visit"]): VisitObject | undefined {
  if (visit === undefined) return undefined;
  const object: { -readonly [K in keyof VisitedObject]: VisitedObject[K] } = {
    type: "blob",
    oid: new Uint8Array(0),
    sizeBytes: 0,
    content: undefined,
  };
  return (type, oid, sizeBytes, content) => {
    object.type = type;
    object.oid = oid;
    object.sizeBytes = sizeBytes;
    object.content = content;
    visit(object);
  };
}

function linksOf(table: EntryTable, { fragments }: LinkStore): PackLinks {
  const { count, types, objectSizes, oids, hashBytes, largeSizes } = table;
  const sizes = Float64Array.from(objectSizes.subarray(0, count));
  // Only what is stored whole may be that large, so its own size is the object's.
  for (const [entry, bytes] of largeSizes) sizes[entry] = bytes;
  return {
    fragments,
    types: types.subarray(0, count),
    sizes,
    oids: oids.subarray(0, count * hashBytes),
  };
}

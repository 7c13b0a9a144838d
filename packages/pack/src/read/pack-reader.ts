import type { BlockCache } from "../cache/block-cache.ts";
import type { ByteCache } from "../cache/byte-cache.ts";
import { applyDelta, readDeltaSizes } from "../delta/apply.ts";
import { PackError } from "../errors.ts";
import type { PackIndex } from "../index-file/pack-index.ts";
import { oidFromBytes } from "../object-id.ts";
import { deflateContent } from "../inflate/deflate.ts";
import type { OperationOptions, RandomAccess } from "../random-access.ts";
import { encodeEntryHeader, KIND_OFS_DELTA, kindOfObjectType, objectTypeOfKind } from "../scan/pack-entry.ts";
import type { ObjectType, Oid } from "../schema.ts";
import { corrupt, createEntrySource, type StoredEntry } from "./entry-source.ts";
import { readDeltaResultBytes, streamEntry } from "./stream-entry.ts";

/** An object's type and content; the content may be shared with a cache: read, do not write. */
export interface PackedObject {
  readonly type: ObjectType;
  readonly content: Uint8Array;
}

/** An object whose content is read piece by piece. */
export interface PackedStream {
  readonly type: ObjectType;
  readonly sizeBytes: number;
  /** The content, once; the chunks belong to the receiver. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** What a pack reader reads, and where it remembers. */
export interface PackReaderOptions {
  readonly source: RandomAccess;
  readonly index: PackIndex;
  /** Whole objects, mostly bases of deltas; the reader takes a partition. */
  readonly bases: ByteCache<number, PackedObject>;
  readonly blocks: BlockCache;
  /** Entries made for objects that are stored as deltas, see `wholeEntry`. Default: none is remembered. */
  readonly entries?: ByteCache<number, Uint8Array> | undefined;
  /** Largest object or delta that is held in memory. Default 512 MiB. */
  readonly maxObjectBytes?: number | undefined;
  /** Bases that the pack does not have (a thin pack under inspection). */
  readonly resolveExternal?:
    | ((oid: Oid, options?: OperationOptions) => Promise<PackedObject | undefined>)
    | undefined;
}

/** The objects of one stored pack, by position in its index (gitformat-pack). */
export interface PackReader {
  readonly index: PackIndex;
  readonly source: RandomAccess;
  /** The header of the entry that starts at `offset`. Throws PACK_CORRUPT. */
  entryHeader(offset: number, options?: OperationOptions): Promise<StoredEntry>;
  /** The inflated size of the object that an entry holds; of a delta no more than its first bytes are inflated. */
  objectBytes(entry: StoredEntry, options?: OperationOptions): Promise<number>;
  /** Type and size, through delta chains, without inflating more than a delta's first bytes. */
  info(position: number, options?: OperationOptions): Promise<{ type: ObjectType; sizeBytes: number }>;
  /** One object, held in memory. Throws PACK_CORRUPT, PACK_BAD_DELTA, PACK_MISSING_BASE, PACK_LIMIT_EXCEEDED. */
  read(position: number, options?: OperationOptions): Promise<PackedObject>;
  /** The same for the object whose entry starts at `offset`. */
  readAt(offset: number, options?: OperationOptions): Promise<PackedObject>;
  /** One object in pieces: large ones that are stored whole pass in bounded memory, others are read first. */
  stream(position: number, options?: OperationOptions): Promise<PackedStream>;
  /**
   * A pack entry for the object that leans on no other: header and deflated content, as git would write it. It is
   * remembered, since what one receiver lacks the base of, others do too; read, do not write.
   */
  wholeEntry(position: number, options?: OperationOptions): Promise<Uint8Array>;
  /**
   * A small stretch of the pack as it is stored, through the block cache: at once where it is at hand, shorter only where
   * the pack ends. Shared: read, do not write. Throws PACK_TRUNCATED.
   */
  storedBytes(offset: number, length: number, options?: OperationOptions): Uint8Array | Promise<Uint8Array>;
  /** Drops what this reader has put into the caches. */
  release(): void;
}

const DEFAULT_MAX_OBJECT_BYTES = 512 * 1024 * 1024;
/** Whole objects above this are streamed, and blobs above it are not remembered unless something is based on them. */
const STREAM_BYTES = 1024 * 1024;
const SMALL_DELTA_BYTES = 4096;

/**
 * Opens a finished pack for reading: `source` holds it with header and trailer, and outlives the reader.
 * Throws PACK_BAD_INDEX where the index cannot belong to it.
 */
export function openPackReader(options: PackReaderOptions): PackReader {
  const { source, index, resolveExternal } = options;
  const maxObjectBytes = options.maxObjectBytes ?? DEFAULT_MAX_OBJECT_BYTES;
  if (source.sizeBytes < 12 + index.packChecksum.length) {
    throw new PackError("PACK_BAD_INDEX", "the pack is too short for its index");
  }
  const bases = options.bases.partition();
  const blocks = options.blocks.attach(source);
  const wholeEntries = options.entries?.partition();
  const entries = createEntrySource(source, blocks, index, maxObjectBytes);

  /** Where the base of a delta starts; -1 if it is not in this pack. */
  function baseOffsetOf(entry: StoredEntry): number {
    if (entry.baseOid === undefined) return entry.baseOffset;
    const position = index.find(entry.baseOid);
    return position < 0 ? -1 : index.offsetAt(position);
  }

  async function externalBase(entry: StoredEntry, signal: AbortSignal | undefined): Promise<PackedObject> {
    const oid = oidFromBytes(entry.baseOid!, 0, index.format);
    const base = await resolveExternal?.(oid, { signal });
    if (base === undefined) {
      throw new PackError("PACK_MISSING_BASE", `delta base ${oid} is missing`, { oid, offset: entry.offset });
    }
    return base;
  }

  async function load(offset: number, signal: AbortSignal | undefined): Promise<PackedObject> {
    const chain: StoredEntry[] = [];
    const isSeen = createCycleCheck();
    let at = offset;
    let object = bases.get(at);
    while (object === undefined) {
      const header = entries.header(at, signal);
      const entry = header instanceof Promise ? await header : header;
      const type = objectTypeOfKind(entry.kind);
      if (type !== undefined) {
        const inflated = entries.inflate(entry, signal);
        object = { type, content: inflated instanceof Promise ? await inflated : inflated };
        remember(entry.offset, object, chain.length > 0);
        break;
      }
      chain.push(entry);
      const base = baseOffsetOf(entry);
      if (base < 0) {
        object = await externalBase(entry, signal);
        break;
      }
      isSeen(entry.offset, base);
      at = base;
      object = bases.get(at);
    }
    for (let i = chain.length - 1; i >= 0; i--) {
      const entry = chain[i]!;
      const inflated = entries.inflate(entry, signal);
      const delta = inflated instanceof Promise ? await inflated : inflated;
      object = { type: object.type, content: applyAt(entry.offset, object.content, delta, maxObjectBytes) };
      remember(entry.offset, object, i > 0);
    }
    return object;
  }

  function remember(offset: number, object: PackedObject, isBase: boolean): void {
    if (!isBase && object.type === "blob" && object.content.length > STREAM_BYTES) return;
    bases.set(offset, object, object.content.length + 128);
  }

  async function info(position: number, signal: AbortSignal | undefined) {
    let at = index.offsetAt(position);
    const known = bases.get(at);
    if (known !== undefined) return { type: known.type, sizeBytes: known.content.length };
    const isSeen = createCycleCheck();
    let sizeBytes = -1;
    for (;;) {
      const header = entries.header(at, signal);
      const entry = header instanceof Promise ? await header : header;
      const type = objectTypeOfKind(entry.kind);
      if (sizeBytes < 0) {
        sizeBytes = type === undefined ? await resultBytesOf(entry, signal) : entry.sizeBytes;
      }
      if (type !== undefined) return { type, sizeBytes };
      const base = baseOffsetOf(entry);
      if (base < 0) return { type: (await externalBase(entry, signal)).type, sizeBytes };
      const object = bases.get(base);
      if (object !== undefined) return { type: object.type, sizeBytes };
      isSeen(entry.offset, base);
      at = base;
    }
  }

  /** Small deltas are quicker inflated whole than asked for their first bytes. */
  async function resultBytesOf(entry: StoredEntry, signal: AbortSignal | undefined): Promise<number> {
    if (entry.sizeBytes > SMALL_DELTA_BYTES) return await readDeltaResultBytes(blocks, entry, signal);
    const inflated = entries.inflate(entry, signal);
    return readDeltaSizes(inflated instanceof Promise ? await inflated : inflated).resultBytes;
  }

  return {
    index,
    source,
    async entryHeader(offset, readOptions) {
      readOptions?.signal?.throwIfAborted();
      return await entries.header(offset, readOptions?.signal);
    },
    async objectBytes(entry, readOptions) {
      readOptions?.signal?.throwIfAborted();
      if (entry.kind < KIND_OFS_DELTA) return entry.sizeBytes;
      return await resultBytesOf(entry, readOptions?.signal);
    },
    async info(position, readOptions) {
      readOptions?.signal?.throwIfAborted();
      return await info(position, readOptions?.signal);
    },
    async read(position, readOptions) {
      readOptions?.signal?.throwIfAborted();
      return await load(index.offsetAt(position), readOptions?.signal);
    },
    async readAt(offset, readOptions) {
      readOptions?.signal?.throwIfAborted();
      return await load(offset, readOptions?.signal);
    },
    async stream(position, readOptions) {
      const signal = readOptions?.signal;
      signal?.throwIfAborted();
      const offset = index.offsetAt(position);
      const entry = await entries.header(offset, signal);
      const type = objectTypeOfKind(entry.kind);
      if (type !== undefined && entry.sizeBytes > STREAM_BYTES) {
        return { type, sizeBytes: entry.sizeBytes, content: streamEntry(source, entry, signal) };
      }
      const object = await load(offset, signal);
      return { type: object.type, sizeBytes: object.content.length, content: pieces(object.content) };
    },
    async wholeEntry(position, readOptions) {
      const offset = index.offsetAt(position);
      const known = wholeEntries?.get(offset);
      if (known !== undefined) return known;
      const { type, content } = await load(offset, readOptions?.signal);
      const packed = await deflateContent(content);
      const header = encodeEntryHeader(kindOfObjectType(type), content.length);
      const entry = new Uint8Array(header.length + packed.length);
      entry.set(header);
      entry.set(packed, header.length);
      wholeEntries?.set(offset, entry, entry.length + 128);
      return entry;
    },
    storedBytes: (offset, length, readOptions) =>
      blocks.tryRead(offset, length) ?? blocks.read(offset, length, readOptions),
    release() {
      bases.clear();
      wholeEntries?.clear();
      blocks.release();
    },
  };
}

/** A chain that comes round again must take the same step towards a later offset twice; only those are remembered. */
function createCycleCheck(): (from: number, base: number) => void {
  let forward: Set<number> | undefined;
  return (from, base) => {
    if (base < from) return;
    forward ??= new Set();
    if (forward.has(from)) throw corrupt(from, "its delta chain is a circle");
    forward.add(from);
  };
}

function applyAt(offset: number, base: Uint8Array, delta: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return applyDelta(base, delta, maxBytes);
  } catch (cause) {
    if (!(cause instanceof PackError)) throw cause;
    throw new PackError(cause.code, `delta at offset ${offset}: ${cause.message}`, { offset, cause });
  }
}

/** Copies, since the content is shared and chunks belong to the receiver. */
async function* pieces(content: Uint8Array): AsyncIterable<Uint8Array> {
  const pieceBytes = 256 * 1024;
  for (let at = 0; at < content.length; at += pieceBytes) {
    yield new Uint8Array(content.subarray(at, at + pieceBytes));
  }
}

import type { BlockReader } from "../cache/block-cache.ts";
import { PackError } from "../errors.ts";
import type { PackIndex } from "../index-file/pack-index.ts";
import { inflateWhole } from "../inflate/inflate-whole.ts";
import type { RandomAccess } from "../random-access.ts";
import {
  createEntryHeader,
  type EntryKind,
  KIND_OFS_DELTA,
  KIND_REF_DELTA,
  MAX_ENTRY_HEADER_BYTES,
  parseEntryHeader,
} from "../scan/pack-entry.ts";

/** The header of a stored entry. */
export interface StoredEntry {
  /** Where the entry starts in the pack. */
  readonly offset: number;
  /** Where it ends. */
  readonly endOffset: number;
  readonly kind: EntryKind;
  /** Inflated bytes: of the object, or of the delta's instructions. */
  readonly sizeBytes: number;
  readonly headerBytes: number;
  /** OFS_DELTA: where the base starts; else -1. */
  readonly baseOffset: number;
  /** REF_DELTA: the raw id of the base, owned by the caller. */
  readonly baseOid: Uint8Array | undefined;
}

/** The entries of one stored pack, by offset. */
export interface EntrySource {
  /** Throws PACK_CORRUPT where no entry starts at `offset` or its header is malformed. */
  header(offset: number, signal: AbortSignal | undefined): Promise<StoredEntry> | StoredEntry;
  /** The entry's inflated content, owned by the caller. Throws PACK_CORRUPT, PACK_LIMIT_EXCEEDED. */
  inflate(entry: StoredEntry, signal: AbortSignal | undefined): Promise<Uint8Array> | Uint8Array;
}

/** Entries whose packed bytes are longer are read past the block cache, which they would only sweep. */
const LARGE_PACKED_BYTES = 1024 * 1024;
/** Deflate cannot shrink further than this. */
const MAX_DEFLATE_RATIO = 1032;

const scratch = createEntryHeader();

/** Entries of `source` as `index` has them; synchronous where the blocks are at hand. */
export function createEntrySource(
  source: RandomAccess,
  blocks: BlockReader,
  index: PackIndex,
  maxObjectBytes: number,
): EntrySource {
  const packBytes = source.sizeBytes;

  function parse(offset: number, endOffset: number, bytes: Uint8Array): StoredEntry {
    let complete = false;
    try {
      complete = parseEntryHeader(bytes, 0, bytes.length, index.format, scratch);
    } catch (cause) {
      throw corrupt(offset, "its header is malformed", cause);
    }
    const { kind, sizeBytes, headerBytes } = scratch;
    if (!complete || offset + headerBytes > endOffset) throw corrupt(offset, "its header is cut off");
    const isOfs = kind === KIND_OFS_DELTA;
    const isRef = kind === KIND_REF_DELTA;
    return {
      offset,
      endOffset,
      kind,
      sizeBytes,
      headerBytes,
      baseOffset: isOfs ? offset - scratch.baseDistance : -1,
      baseOid: isRef ? new Uint8Array(bytes.subarray(scratch.baseOidOffset, headerBytes)) : undefined,
    };
  }

  function inflateBytes(entry: StoredEntry, packed: Uint8Array): Uint8Array {
    if (entry.sizeBytes > packed.length * MAX_DEFLATE_RATIO) {
      throw corrupt(entry.offset, "it cannot hold as many bytes as it says");
    }
    let inflated: ReturnType<typeof inflateWhole>;
    try {
      inflated = inflateWhole(packed, 0, entry.sizeBytes);
    } catch (cause) {
      throw corrupt(entry.offset, "its content does not inflate", cause);
    }
    if (inflated === "truncated") throw corrupt(entry.offset, "its content is cut off");
    return inflated.content;
  }

  return {
    header(offset, signal) {
      const endOffset = index.endOfEntryAt(offset, packBytes);
      if (endOffset < 0) throw corrupt(offset, "no entry starts there");
      const atHand = blocks.tryRead(offset, MAX_ENTRY_HEADER_BYTES);
      if (atHand !== undefined) return parse(offset, endOffset, atHand);
      return blocks
        .read(offset, MAX_ENTRY_HEADER_BYTES, { signal })
        .then((bytes) => parse(offset, endOffset, bytes));
    },
    inflate(entry, signal) {
      if (entry.sizeBytes > maxObjectBytes) {
        throw new PackError(
          "PACK_LIMIT_EXCEEDED",
          `an object of ${entry.sizeBytes} bytes is too large to be held`,
          {
            offset: entry.offset,
          },
        );
      }
      const start = entry.offset + entry.headerBytes;
      const length = entry.endOffset - start;
      if (length > LARGE_PACKED_BYTES) {
        return source.read(start, length, { signal }).then((bytes) => inflateBytes(entry, bytes));
      }
      const atHand = blocks.tryRead(start, length);
      if (atHand !== undefined) return inflateBytes(entry, atHand);
      return blocks.read(start, length, { signal }).then((bytes) => inflateBytes(entry, bytes));
    },
  };
}

/** The fault of one stored entry. */
export function corrupt(offset: number, why: string, cause?: unknown): PackError {
  return new PackError("PACK_CORRUPT", `bad pack entry at offset ${offset}: ${why}`, { offset, cause });
}

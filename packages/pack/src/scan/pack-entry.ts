import { PackError } from "../errors.ts";
import { hashLength } from "../object-id.ts";
import type { ObjectFormat, ObjectType } from "../schema.ts";

/** What an entry of a pack holds (gitformat-pack, "object types"): commit, tree, blob, tag, OFS_DELTA, REF_DELTA. */
export type EntryKind = 1 | 2 | 3 | 4 | 6 | 7;

/** Kind of a whole commit. */
export const KIND_COMMIT = 1 as const;
/** Kind of a whole tree. */
export const KIND_TREE = 2 as const;
/** Kind of a whole blob. */
export const KIND_BLOB = 3 as const;
/** Kind of a whole tag. */
export const KIND_TAG = 4 as const;
/** Kind of a delta whose base lies at a distance in the same pack. */
export const KIND_OFS_DELTA = 6 as const;
/** Kind of a delta whose base is named by its id. */
export const KIND_REF_DELTA = 7 as const;

/** Bytes of the longest entry header: ten for the size, ten for a distance or 32 for an id. */
export const MAX_ENTRY_HEADER_BYTES = 42;

const MAX_VARINT_BYTES = 10;
const TYPES: readonly (ObjectType | undefined)[] = [undefined, "commit", "tree", "blob", "tag"];

/** A decoded entry header; filled in place, so that scanning allocates nothing. */
export interface EntryHeader {
  kind: EntryKind;
  /** Inflated bytes: of the object, or of the delta's instructions. */
  sizeBytes: number;
  /** Bytes of the header itself, a delta's base included. */
  headerBytes: number;
  /** OFS_DELTA: how many bytes before this entry its base starts; else 0. */
  baseDistance: number;
  /** REF_DELTA: where in the parsed bytes the raw id of the base starts; else -1. */
  baseOidOffset: number;
}

/** Makes an empty header to be filled by `parseEntryHeader`. */
export function createEntryHeader(): EntryHeader {
  return { kind: KIND_BLOB, sizeBytes: 0, headerBytes: 0, baseDistance: 0, baseOidOffset: -1 };
}

/** The object type of a whole entry; undefined for the two kinds of delta. */
export function objectTypeOfKind(kind: EntryKind): ObjectType | undefined {
  return TYPES[kind];
}

/** The kind of a whole entry that holds an object of this type. */
export function kindOfObjectType(type: ObjectType): 1 | 2 | 3 | 4 {
  return type === "commit"
    ? KIND_COMMIT
    : type === "tree"
      ? KIND_TREE
      : type === "blob"
        ? KIND_BLOB
        : KIND_TAG;
}

/**
 * Reads the entry header at `start` into `header` (gitformat-pack, "pack entries").
 * Returns false, with `header` in no particular state, where `end` comes before the header's end.
 * Throws PACK_CORRUPT for kinds 0 and 5, for numbers past 2^53-1 and for a distance of zero; whether the distance
 * stays inside the pack is the caller's to check.
 */
export function parseEntryHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  format: ObjectFormat,
  header: EntryHeader,
): boolean {
  if (start >= end) return false;
  let at = start;
  let byte = bytes[at++]!;
  const kind = (byte >> 4) & 7;
  if (kind === 0 || kind === 5) throw new PackError("PACK_CORRUPT", `pack entry of unknown kind ${kind}`);
  let size = byte & 15;
  let scale = 16;
  while (byte & 0x80) {
    if (at - start >= MAX_VARINT_BYTES) throw new PackError("PACK_CORRUPT", "pack entry size is too long");
    if (at >= end) return false;
    byte = bytes[at++]!;
    size += (byte & 0x7f) * scale;
    scale *= 128;
  }
  if (size > Number.MAX_SAFE_INTEGER) throw new PackError("PACK_CORRUPT", "pack entry size is too large");
  header.kind = kind as EntryKind;
  header.sizeBytes = size;
  header.baseDistance = 0;
  header.baseOidOffset = -1;
  if (kind === KIND_OFS_DELTA) {
    const first = at;
    if (at >= end) return false;
    byte = bytes[at++]!;
    let distance = byte & 0x7f;
    while (byte & 0x80) {
      if (at - first >= MAX_VARINT_BYTES)
        throw new PackError("PACK_CORRUPT", "delta base distance is too long");
      if (at >= end) return false;
      byte = bytes[at++]!;
      distance = (distance + 1) * 128 + (byte & 0x7f);
    }
    if (distance === 0 || distance > Number.MAX_SAFE_INTEGER) {
      throw new PackError("PACK_CORRUPT", "delta base distance is out of range");
    }
    header.baseDistance = distance;
  } else if (kind === KIND_REF_DELTA) {
    header.baseOidOffset = at;
    at += hashLength(format);
    if (at > end) return false;
  }
  header.headerBytes = at - start;
  return true;
}

/**
 * Encodes an entry header (gitformat-pack, "pack entries"); the bytes belong to the caller.
 * `sizeBytes` is the inflated size; `base` is the distance in bytes for an OFS_DELTA, the raw id for a REF_DELTA.
 */
export function encodeEntryHeader(
  kind: EntryKind,
  sizeBytes: number,
  base?: number | Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(MAX_ENTRY_HEADER_BYTES);
  let rest = Math.floor(sizeBytes / 16);
  let at = 0;
  bytes[at++] = (kind << 4) | (sizeBytes % 16) | (rest > 0 ? 0x80 : 0);
  while (rest > 0) {
    const next = Math.floor(rest / 128);
    bytes[at++] = (rest % 128) | (next > 0 ? 0x80 : 0);
    rest = next;
  }
  if (kind === KIND_OFS_DELTA) at = writeDistance(bytes, at, base as number);
  if (kind === KIND_REF_DELTA) {
    bytes.set(base as Uint8Array, at);
    at += (base as Uint8Array).length;
  }
  return bytes.subarray(0, at);
}

/** Most significant group first, each group but the last biased by one, so that every distance has one spelling. */
function writeDistance(bytes: Uint8Array, at: number, distance: number): number {
  let groups = 1;
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor((rest - 1) / 128)) groups++;
  let rest = distance;
  for (let i = groups - 1; i >= 0; i--) {
    bytes[at + i] = (rest % 128) | (i === groups - 1 ? 0 : 0x80);
    rest = Math.floor(rest / 128) - 1;
  }
  return at + groups;
}

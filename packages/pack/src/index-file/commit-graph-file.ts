import { PackError } from "../errors.ts";
import { createHasher } from "../hash.ts";
import { hashLength } from "../object-id.ts";
import type { ObjectFormat } from "../schema.ts";
import { type Chunks, readChunks } from "./file-chunks.ts";

/**
 * What git has noted of commits: one file, or the layers of a split one up to some layer. Positions run from 0 to
 * `count - 1`, those of the lowest layer first.
 */
export interface CommitGraphFile {
  readonly format: ObjectFormat;
  readonly count: number;
  /** How many layers it has: this one and those below. */
  readonly layerCount: number;
  /** The layer's trailing checksum, by which the next layer names it; shared, not to be changed. */
  readonly checksum: Uint8Array;
  /** Position of the commit whose raw id starts at `offset` (default 0) of `oid`, or -1; allocates nothing. */
  find(oid: Uint8Array, offset?: number): number;
  /** Writes the raw id of the commit at `position` to `target`. */
  copyOid(position: number, target: Uint8Array): void;
  /** Writes the raw id of its root tree to `target`. */
  copyTree(position: number, target: Uint8Array): void;
  /** Fills `into` with the positions of its parents, in order. Throws PACK_BAD_INDEX where they make no sense. */
  readParents(position: number, into: number[]): void;
  /** The committer's time in seconds since 1970, modulo 2^34. */
  time(position: number): number;
  /** The topological level: 1 without parents, else one more than the highest of theirs; 0 where git did not note it. */
  level(position: number): number;
  /**
   * The corrected commit date in seconds: the committer's time, or one more than the latest of the parents' where that is
   * later. `undefined` where git did not note it. Throws PACK_BAD_INDEX.
   */
  correctedTime(position: number): number | undefined;
}

const MAGIC = 0x43475048;
const HEADER_BYTES = 8;
const FAN_OUT_BYTES = 256 * 4;
/** What a commit's record holds beside the id of its tree: two parents, level and time. */
const RECORD_BYTES = 16;
const NO_PARENT = 0x70000000;
/** In place of the second parent: the others stand in a list of their own. On an entry there: it is the last. */
const TOP_BIT = 0x80000000;
const TWO_TO_32 = 0x100000000;

export interface CommitGraphOptions {
  /** What a layer of a split commit-graph lies over. */
  readonly below?: CommitGraphFile | undefined;
  /** The hash of all that stands before the trailing checksum, where it has been made; else it is made here in one go. */
  readonly hash?: Uint8Array | undefined;
}

/**
 * Opens a commit-graph file of version 1 (gitformat-commit-graph); of a split one a layer. `bytes` are kept, not copied, and must not change. Checks sums and sizes, while parents are checked when they are read.
 * Throws PACK_BAD_INDEX where it is malformed, of another format or belongs over another layer.
 */
export function openCommitGraphFile(
  bytes: Uint8Array,
  format: ObjectFormat,
  options: CommitGraphOptions = {},
): CommitGraphFile {
  const { below } = options;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const idBytes = hashLength(format);
  const chunks = readHeader(bytes, view, format, options);
  const { fanOutAt, idsAt, recordsAt, edgesAt, edgeCount, datesAt, lateDatesAt, lateDateCount, own } =
    readLayout(chunks, view, idBytes);
  const recordBytes = idBytes + RECORD_BYTES;
  const base = below?.count ?? 0;
  const count = base + own;
  if (count >= NO_PARENT) throw bad("it has too many commits");

  function compare(which: number, oid: Uint8Array, from: number): number {
    const name = idsAt + which * idBytes;
    for (let i = 0; i < idBytes; i++) {
      const difference = bytes[name + i]! - oid[from + i]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }

  function findHere(oid: Uint8Array, from: number): number {
    const first = oid[from]!;
    let low = first === 0 ? 0 : view.getUint32(fanOutAt + (first - 1) * 4);
    let high = view.getUint32(fanOutAt + first * 4);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compare(middle, oid, from);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return -1;
  }

  /** Where a commit's record stands behind the id of its tree. */
  function recordOf(position: number): number {
    return recordsAt + (position - base) * recordBytes + idBytes;
  }

  function copy(from: number, target: Uint8Array): void {
    for (let i = 0; i < idBytes; i++) target[i] = bytes[from + i]!;
  }

  function addParent(position: number, parent: number, into: number[]): void {
    if (parent >= count || parent === position) throw bad("a parent is not among its commits");
    into.push(parent);
  }

  function timeHere(position: number): number {
    const at = recordOf(position) + 8;
    return (view.getUint32(at) & 3) * TWO_TO_32 + view.getUint32(at + 4);
  }

  return {
    format,
    count,
    layerCount: 1 + (below?.layerCount ?? 0),
    checksum: bytes.subarray(bytes.length - idBytes),
    find(oid, offset = 0) {
      if (offset + idBytes > oid.length) return -1;
      const which = findHere(oid, offset);
      return which >= 0 ? base + which : (below?.find(oid, offset) ?? -1);
    },
    copyOid(position, target) {
      if (position < base) below!.copyOid(position, target);
      else copy(idsAt + (position - base) * idBytes, target);
    },
    copyTree(position, target) {
      if (position < base) below!.copyTree(position, target);
      else copy(recordOf(position) - idBytes, target);
    },
    readParents(position, into) {
      if (position < base) return below!.readParents(position, into);
      into.length = 0;
      const at = recordOf(position);
      const first = view.getUint32(at);
      const second = view.getUint32(at + 4);
      if (first !== NO_PARENT) addParent(position, first, into);
      else if (second !== NO_PARENT) throw bad("a commit has a second parent and no first");
      if (second === NO_PARENT) return;
      if (second < TOP_BIT) return addParent(position, second, into);
      for (let edge = second - TOP_BIT, isLast = false; !isLast; edge++) {
        if (edge >= edgeCount) throw bad("parents lie outside their list");
        const value = view.getUint32(edgesAt + edge * 4);
        isLast = value >= TOP_BIT;
        addParent(position, isLast ? value - TOP_BIT : value, into);
      }
    },
    time: (position) => (position < base ? below!.time(position) : timeHere(position)),
    level: (position) =>
      position < base ? below!.level(position) : view.getUint32(recordOf(position) + 8) >>> 2,
    correctedTime(position) {
      if (position < base) return below!.correctedTime(position);
      if (datesAt < 0) return undefined;
      const offset = view.getUint32(datesAt + (position - base) * 4);
      if (offset < TOP_BIT) return timeHere(position) + offset;
      const which = offset - TOP_BIT;
      if (which >= lateDateCount) throw bad("a date lies outside its list");
      const high = view.getUint32(lateDatesAt + which * 8);
      if (high >= 0x100000) throw bad("a date is past 2^52");
      return timeHere(position) + high * TWO_TO_32 + view.getUint32(lateDatesAt + which * 8 + 4);
    },
  };
}

/** Checks what stands around the chunks. */
function readHeader(
  bytes: Uint8Array,
  view: DataView,
  format: ObjectFormat,
  { below, hash }: CommitGraphOptions,
): Chunks {
  const idBytes = hashLength(format);
  const end = bytes.length - idBytes;
  if (end < HEADER_BYTES || view.getUint32(0) !== MAGIC) throw bad("not a commit-graph file");
  if (bytes[4] !== 1) throw bad(`version ${bytes[4]} is not known`);
  if (bytes[5] !== (format === "sha1" ? 1 : 2)) throw bad("its ids are of another format");
  if (!isSame(bytes, end, hash ?? hashOf(bytes.subarray(0, end), format)))
    throw bad("its checksum does not match");
  const chunks = readChunks(view, { at: HEADER_BYTES, count: bytes[6]!, end }, bad);

  const baseCount = bytes[7]!;
  if (baseCount !== (below?.layerCount ?? 0)) throw bad("the layers below it are others");
  if (below !== undefined) {
    const bases = chunks.require("BASE", baseCount * idBytes);
    if (!isSame(bytes, bases.at + (baseCount - 1) * idBytes, below.checksum))
      throw bad("the layers below it are others");
  }
  return chunks;
}

/** Where the tables of a layer stand; -1 for those that it does not have. */
interface Layout {
  readonly fanOutAt: number;
  readonly idsAt: number;
  readonly recordsAt: number;
  readonly edgesAt: number;
  readonly edgeCount: number;
  /** Offsets of corrected commit dates, and those that take more than 31 bits. */
  readonly datesAt: number;
  readonly lateDatesAt: number;
  readonly lateDateCount: number;
  /** Commits of this layer. */
  readonly own: number;
}

function readLayout(chunks: Chunks, view: DataView, idBytes: number): Layout {
  const fanOut = chunks.require("OIDF", FAN_OUT_BYTES);
  let own = 0;
  for (let i = 0; i < 256; i++) {
    const next = view.getUint32(fanOut.at + i * 4);
    if (next < own) throw bad("its fan-out table is out of order");
    own = next;
  }
  const ids = chunks.require("OIDL", own * idBytes);
  const records = chunks.require("CDAT", own * (idBytes + RECORD_BYTES));
  const edges = chunks.find("EDGE");
  const dates = chunks.find("GDA2");
  if (dates !== undefined && dates.bytes !== own * 4) throw bad("its dates are too few or too many");
  const lateDates = chunks.find("GDO2");
  return {
    fanOutAt: fanOut.at,
    idsAt: ids.at,
    recordsAt: records.at,
    edgesAt: edges?.at ?? -1,
    edgeCount: Math.floor((edges?.bytes ?? 0) / 4),
    datesAt: dates?.at ?? -1,
    lateDatesAt: lateDates?.at ?? -1,
    lateDateCount: Math.floor((lateDates?.bytes ?? 0) / 8),
    own,
  };
}

function hashOf(bytes: Uint8Array, format: ObjectFormat): Uint8Array {
  const hasher = createHasher(format);
  hasher.update(bytes);
  return hasher.digest();
}

function isSame(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

function bad(why: string): PackError {
  return new PackError("PACK_BAD_INDEX", `bad commit-graph: ${why}`);
}

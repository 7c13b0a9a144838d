import { PackError } from "../errors.ts";
import { hashLength, oidFromBytes, oidToBytes } from "../object-id.ts";
import type { ObjectFormat, Oid } from "../schema.ts";
import { orderEntries } from "./order-entries.ts";
import { orderInReverse, readReverseIndex } from "./reverse-index.ts";
import { sortByOffset } from "./sort.ts";

/** An open pack index; positions run from 0 to `count - 1` in the order of ids. */
export interface PackIndex {
  readonly format: ObjectFormat;
  readonly count: number;
  /** The index file; shared, not to be changed. */
  readonly bytes: Uint8Array;
  /** The trailing checksum of the pack that this index belongs to. */
  readonly packChecksum: Uint8Array;
  /** Position of the raw id that starts at `offset` (default 0) of `oid`, or -1; allocates nothing. */
  find(oid: Uint8Array, offset?: number): number;
  /** Position of an id, or -1. Throws PACK_BAD_OID. */
  findOid(oid: Oid): number;
  /** Positions of ids that start with these lower-case hex digits: the first 16. */
  findPrefix(hex: string): number[];
  oidAt(position: number): Oid;
  /** Writes the raw id at `position` to `target`, from `at` on. */
  copyOid(position: number, target: Uint8Array, at: number): void;
  /** Where the entry starts in the pack. Throws PACK_BAD_INDEX. */
  offsetAt(position: number): number;
  /** CRC-32 of the packed entry; -1 where the index is of version 1, which has none. */
  crcAt(position: number): number;
  /** Positions in the order in which entries lie in the pack; computed once, shared, not to be changed. */
  packOrder(this: void): Uint32Array;
  /** How many entries lie in the pack before the one at `position`: the inverse of `packOrder`. */
  packRank(position: number): number;
  /** The first 32 bits of the id at `position`. */
  prefixAt(position: number): number;
  /** Where the entry at `position` ends: at the next one's offset, or at the trailer of a pack of `packBytes`. */
  endOffset(position: number, packBytes: number): number;
  /** Position of the entry that starts at `offset`, or -1. */
  positionAtOffset(offset: number): number;
  /** Where the entry that starts at `offset` ends, in a pack of `packBytes`; -1 if none starts there. */
  endOfEntryAt(offset: number, packBytes: number): number;
}

const MAX_PREFIX_MATCHES = 16;
const LARGE_OFFSET = 0x80000000;
/** Below so many entries the kernel does not pay. */
const KERNEL_COUNT = 256;
/** Ranks of so small a share of the entries are searched for; of more, all are noted at once. */
const SEARCHED_SHARE = 64;

/**
 * Opens a pack index of version 1 or 2 (gitformat-pack, "pack-*.idx files"). `bytes` are kept, not copied, and must
 * not change. Checks sizes and the fan-out table; does not hash the file. With the pack's reverse index the order in the
 * pack need not be found by sorting; one that is not right is passed over.
 * Throws PACK_BAD_INDEX.
 */
export function openPackIndex(bytes: Uint8Array, format: ObjectFormat, reverse?: Uint8Array): PackIndex {
  const layout = readLayout(bytes, format);
  const { count, fanOut, namesAt, nameStride, offsetsAt, offsetStride, crcsAt, largeAt, largeCount } = layout;
  const hashBytes = hashLength(format);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let inPackOrder: Uint32Array | undefined;
  let ranks: Uint32Array | undefined;
  let rankCalls = 0;

  function compare(position: number, oid: Uint8Array, from: number): number {
    const name = namesAt + position * nameStride;
    for (let i = 0; i < hashBytes; i++) {
      const difference = bytes[name + i]! - oid[from + i]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** First position whose id is not below the one at `from`; ids in other fan-out buckets need no comparison. */
  function lowerBound(oid: Uint8Array, from: number): number {
    const first = oid[from]!;
    let low = first === 0 ? 0 : fanOut[first - 1]!;
    let high = fanOut[first]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(middle, oid, from) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function find(oid: Uint8Array, offset = 0): number {
    if (offset + hashBytes > oid.length) return -1;
    const at = lowerBound(oid, offset);
    return at < count && compare(at, oid, offset) === 0 ? at : -1;
  }

  function offsetAt(position: number): number {
    const small = view.getUint32(offsetsAt + position * offsetStride);
    if (small < LARGE_OFFSET || largeAt < 0) return small;
    const which = small - LARGE_OFFSET;
    if (which >= largeCount) throw badIndex("a 64-bit offset lies outside its table");
    const high = view.getUint32(largeAt + which * 8);
    if (high >= 0x200000) throw badIndex("a 64-bit offset is past 2^53");
    return high * 0x100000000 + view.getUint32(largeAt + which * 8 + 4);
  }

  function packOrder(): Uint32Array {
    inPackOrder ??= orderInKernel() ?? orderByOffsets();
    return inPackOrder;
  }

  /** The order of packs below 2 GiB, whose index is of version 2. */
  function orderInKernel(): Uint32Array | undefined {
    if (offsetStride !== 4 || count < KERNEL_COUNT) return undefined;
    return orderEntries(bytes.subarray(offsetsAt, offsetsAt + count * 4), positionsInReverse());
  }

  function orderByOffsets(): Uint32Array {
    const offsets = new Float64Array(count);
    for (let i = 0; i < count; i++) offsets[i] = offsetAt(i);
    return orderInReverse(positionsInReverse(), offsets) ?? sortByOffset(offsets);
  }

  function positionsInReverse(): Uint8Array | undefined {
    return reverse && readReverseIndex(reverse, format, count, layout.packChecksum);
  }

  function packRank(position: number): number {
    if (ranks === undefined) {
      const order = packOrder();
      if (++rankCalls < count / SEARCHED_SHARE) {
        let rank = rankOf(offsetAt(position));
        // Only in a damaged index do entries share an offset.
        while (order[rank] !== position) rank++;
        return rank;
      }
      ranks = new Uint32Array(count);
      for (let rank = 0; rank < count; rank++) ranks[order[rank]!] = rank;
    }
    return ranks[position]!;
  }

  /** How many entries start before `offset`. */
  function rankOf(offset: number): number {
    const order = packOrder();
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (offsetAt(order[middle]!) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    format,
    count,
    bytes,
    packChecksum: layout.packChecksum,
    find,
    findOid: (oid) => (oid.length === 2 * hashBytes ? find(oidToBytes(oid), 0) : -1),
    findPrefix(hex) {
      if (hex.length > 2 * hashBytes || !/^[0-9a-f]*$/.test(hex)) return [];
      const lowest = oidToBytes(hex.padEnd(2 * hashBytes, "0"));
      const found: number[] = [];
      for (let at = lowerBound(lowest, 0); at < count && found.length < MAX_PREFIX_MATCHES; at++) {
        if (!oidFromBytes(bytes, namesAt + at * nameStride, format).startsWith(hex)) break;
        found.push(at);
      }
      return found;
    },
    oidAt: (position) => oidFromBytes(bytes, namesAt + position * nameStride, format),
    copyOid(position, target, at) {
      const from = namesAt + position * nameStride;
      for (let i = 0; i < hashBytes; i++) target[at + i] = bytes[from + i]!;
    },
    offsetAt,
    crcAt: (position) => (crcsAt < 0 ? -1 : view.getUint32(crcsAt + position * 4)),
    packOrder,
    packRank,
    prefixAt: (position) => view.getUint32(namesAt + position * nameStride),
    endOffset(position, packBytes) {
      const next = rankOf(offsetAt(position) + 1);
      return next < count ? offsetAt(packOrder()[next]!) : packBytes - hashBytes;
    },
    positionAtOffset(offset) {
      const rank = rankOf(offset);
      if (rank === count) return -1;
      const position = packOrder()[rank]!;
      return offsetAt(position) === offset ? position : -1;
    },
    endOfEntryAt(offset, packBytes) {
      const rank = rankOf(offset);
      const order = packOrder();
      if (rank === count || offsetAt(order[rank]!) !== offset) return -1;
      return rank + 1 < count ? offsetAt(order[rank + 1]!) : packBytes - hashBytes;
    },
  };
}

interface Layout {
  readonly count: number;
  readonly fanOut: Uint32Array;
  readonly namesAt: number;
  readonly nameStride: number;
  readonly offsetsAt: number;
  readonly offsetStride: number;
  /** -1 in version 1. */
  readonly crcsAt: number;
  /** -1 in version 1, whose offsets have all 32 bits. */
  readonly largeAt: number;
  readonly largeCount: number;
  readonly packChecksum: Uint8Array;
}

function readLayout(bytes: Uint8Array, format: ObjectFormat): Layout {
  const hashBytes = hashLength(format);
  if (bytes.length < 1024 + 2 * hashBytes) throw badIndex("the file is too short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hasMagic = view.getUint32(0) === 0xff744f63;
  if (hasMagic && view.getUint32(4) !== 2) throw badIndex(`version ${view.getUint32(4)} is not known`);
  const fanOutAt = hasMagic ? 8 : 0;
  const tableAt = fanOutAt + 1024;
  if (bytes.length < tableAt + 2 * hashBytes) throw badIndex("the file is too short");
  const fanOut = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    fanOut[i] = view.getUint32(fanOutAt + i * 4);
    if (i > 0 && fanOut[i]! < fanOut[i - 1]!) throw badIndex("the fan-out table falls");
  }
  const count = fanOut[255]!;
  const trailerAt = bytes.length - 2 * hashBytes;
  const packChecksum = new Uint8Array(bytes.subarray(trailerAt, trailerAt + hashBytes));
  if (!hasMagic) {
    const stride = 4 + hashBytes;
    if (tableAt + count * stride !== trailerAt)
      throw badIndex("the file's size does not fit its object count");
    const none = { crcsAt: -1, largeAt: -1, largeCount: 0 };
    const names = { namesAt: tableAt + 4, nameStride: stride, offsetsAt: tableAt, offsetStride: stride };
    return { count, fanOut, ...names, ...none, packChecksum };
  }
  const crcsAt = tableAt + count * hashBytes;
  const offsetsAt = crcsAt + count * 4;
  const largeAt = offsetsAt + count * 4;
  const largeCount = (trailerAt - largeAt) / 8;
  if (largeCount < 0 || !Number.isInteger(largeCount) || largeCount > count) {
    throw badIndex("the file's size does not fit its object count");
  }
  const names = { namesAt: tableAt, nameStride: hashBytes, offsetsAt, offsetStride: 4 };
  return { count, fanOut, ...names, crcsAt, largeAt, largeCount, packChecksum };
}

function badIndex(why: string): PackError {
  return new PackError("PACK_BAD_INDEX", `bad pack index: ${why}`);
}

import { PackError } from "../errors.ts";
import { createHasher } from "../hash.ts";
import { hashLength } from "../object-id.ts";
import { finishAtOnce, type Steps } from "../read/pace.ts";
import type { ObjectFormat } from "../schema.ts";
import type { PackIndex } from "./pack-index.ts";
import { REVERSE_HEADER_BYTES, REVERSE_MAGIC, REVERSE_VERSION, reverseHashNumber } from "./reverse-index.ts";
import { sortByOidSteps } from "./sort.ts";

/** The columns of a pack index, all in pack order: entry `i` is the pack's `i`-th. */
export interface PackIndexContent {
  readonly format: ObjectFormat;
  readonly count: number;
  /** Raw ids, `count` times 20 or 32 bytes. */
  readonly oids: Uint8Array;
  /** Where each entry starts in the pack, rising. */
  readonly offsets: Float64Array;
  /** CRC-32 of each entry's packed bytes. */
  readonly crcs: Uint32Array;
  /** The pack's trailing checksum. */
  readonly packChecksum: Uint8Array;
  /** Entries ordered by id, where the caller has that already (see `sortByOid`). */
  readonly order?: Uint32Array | undefined;
}

const LARGE_OFFSET = 0x80000000;
/** One less than the entries of a step, which is a power of two. */
const STEP_MASK = 8191;
const HASH_STEP_BYTES = 4 * 1024 * 1024;

/**
 * Encodes a pack index of version 2, byte for byte as git does (gitformat-pack, "version 2 pack-*.idx files").
 * The bytes belong to the caller. Throws PACK_DUPLICATE_OBJECT where an id comes twice.
 */
export function encodePackIndex(content: PackIndexContent): Uint8Array {
  return finishAtOnce(encodePackIndexSteps(content));
}

/** `encodePackIndex` in steps; the content must not change in between. */
export function* encodePackIndexSteps(content: PackIndexContent): Steps<Uint8Array> {
  const { format, count, oids, offsets, crcs } = content;
  const hashBytes = hashLength(format);
  const order = content.order ?? (yield* sortByOidSteps(oids, count, hashBytes));
  let large = 0;
  for (let i = 0; i < count; i++) if (offsets[i]! >= LARGE_OFFSET) large++;

  const namesAt = 8 + 1024;
  const crcsAt = namesAt + count * hashBytes;
  const offsetsAt = crcsAt + count * 4;
  const largeAt = offsetsAt + count * 4;
  const trailerAt = largeAt + large * 8;
  const bytes = new Uint8Array(trailerAt + 2 * hashBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xff744f63);
  view.setUint32(4, 2);

  const fanOut = new Uint32Array(256);
  let nextLarge = 0;
  for (let i = 0, name = namesAt; i < count; i++, name += hashBytes) {
    if ((i & STEP_MASK) === STEP_MASK) yield;
    const entry = order[i]!;
    const from = entry * hashBytes;
    for (let b = 0; b < hashBytes; b++) bytes[name + b] = oids[from + b]!;
    if (i > 0 && equalAt(bytes, name - hashBytes, name, hashBytes)) {
      const oid = Buffer.from(bytes.buffer, name, hashBytes).toString("hex");
      throw new PackError("PACK_DUPLICATE_OBJECT", `object ${oid} is twice in the pack`, {
        oid,
        offset: offsets[entry]!,
      });
    }
    fanOut[bytes[name]!]!++;
    view.setUint32(crcsAt + i * 4, crcs[entry]!);
    const offset = offsets[entry]!;
    if (offset < LARGE_OFFSET) {
      view.setUint32(offsetsAt + i * 4, offset);
    } else {
      view.setUint32(offsetsAt + i * 4, LARGE_OFFSET + nextLarge);
      view.setUint32(largeAt + nextLarge * 8, Math.floor(offset / 0x100000000));
      view.setUint32(largeAt + nextLarge * 8 + 4, offset % 0x100000000);
      nextLarge++;
    }
  }
  for (let b = 0, total = 0; b < 256; b++) {
    total += fanOut[b]!;
    view.setUint32(8 + b * 4, total);
  }
  bytes.set(content.packChecksum, trailerAt);
  yield* writeChecksum(bytes, format);
  return bytes;
}

/**
 * Encodes a reverse index, byte for byte as git does (gitformat-pack, "pack-*.rev files").
 * The bytes belong to the caller.
 */
export function encodeReverseIndex(content: PackIndexContent): Uint8Array {
  return finishAtOnce(encodeReverseIndexSteps(content));
}

/** `encodeReverseIndex` in steps; the content must not change in between. */
export function* encodeReverseIndexSteps(content: PackIndexContent): Steps<Uint8Array> {
  const { format, count, packChecksum } = content;
  const hashBytes = hashLength(format);
  const order = content.order ?? (yield* sortByOidSteps(content.oids, count, hashBytes));
  const { bytes, view } = beginReverse(format, count);
  for (let position = 0; position < count; position++) {
    view.setUint32(REVERSE_HEADER_BYTES + order[position]! * 4, position);
  }
  bytes.set(packChecksum, REVERSE_HEADER_BYTES + count * 4);
  yield* writeChecksum(bytes, format);
  return bytes;
}

/** The reverse index that belongs to an index. The bytes belong to the caller. Throws PACK_BAD_INDEX. */
export function encodeReverseIndexOf({ format, count, packChecksum, packOrder }: PackIndex): Uint8Array {
  const { bytes, view } = beginReverse(format, count);
  const order = packOrder();
  for (let rank = 0; rank < count; rank++) view.setUint32(REVERSE_HEADER_BYTES + rank * 4, order[rank]!);
  bytes.set(packChecksum, REVERSE_HEADER_BYTES + count * 4);
  finishAtOnce(writeChecksum(bytes, format));
  return bytes;
}

function beginReverse(format: ObjectFormat, count: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(REVERSE_HEADER_BYTES + count * 4 + 2 * hashLength(format));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, REVERSE_MAGIC);
  view.setUint32(4, REVERSE_VERSION);
  view.setUint32(8, reverseHashNumber(format));
  return { bytes, view };
}

function* writeChecksum(bytes: Uint8Array, format: ObjectFormat): Steps<void> {
  const end = bytes.length - hashLength(format);
  const hasher = createHasher(format);
  for (let at = 0; at < end; at += HASH_STEP_BYTES) {
    hasher.update(bytes.subarray(at, Math.min(at + HASH_STEP_BYTES, end)));
    yield;
  }
  bytes.set(hasher.digest(), end);
}

function equalAt(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

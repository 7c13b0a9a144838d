import { PackError } from "../errors.ts";
import { createHasher } from "../hash.ts";
import { hashLength } from "../object-id.ts";
import type { PackIndex } from "./pack-index.ts";

/** A set of a pack's objects: bit `rank % 32` of word `rank / 32` stands for the object at that rank in pack order. */
export type ObjectBits = Uint32Array;

/** git's reachability bitmaps of one pack, which has all that its objects reach. */
export interface PackBitmaps {
  /** How many commits have a bitmap. */
  readonly commitCount: number;
  /** The pack's objects by type. */
  readonly commits: ObjectBits;
  readonly trees: ObjectBits;
  readonly blobs: ObjectBits;
  readonly tags: ObjectBits;
  /** Whether there is a bitmap for the commit at this index position. */
  has(position: number): boolean;
  /** Adds to `bits` all that the commit at this index position reaches. Throws PACK_BAD_INDEX. */
  addReached(position: number, bits: ObjectBits): void;
  /** A set that nothing is in. */
  empty(): ObjectBits;
}

const MAGIC = 0x4249544d;
const FULL_DAG = 1;
const MAX_XOR_OFFSET = 160;
/** Bytes of a bitmap around its words: sizes in front, place of the last marker behind. */
const HEAD_BYTES = 8;
const TAIL_BYTES = 4;

/** One commit's bitmap in the file, and the earlier one that it is told by the difference to; -1 for none. */
interface Entry {
  readonly at: number;
  readonly base: number;
}

/**
 * Opens a `.bitmap` file of version 1 (gitformat-bitmap) beside the index of its pack. `bytes` are kept, not copied, and
 * must not change. Throws PACK_BAD_INDEX where the file is malformed or belongs to another pack.
 */
export function openPackBitmaps(bytes: Uint8Array, index: PackIndex): PackBitmaps {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const idBytes = hashLength(index.format);
  const headerBytes = 12 + idBytes;
  const end = bytes.length - idBytes;
  if (end < headerBytes || view.getUint32(0) !== MAGIC) throw bad("not a bitmap file");
  if (view.getUint16(4) !== 1) throw bad(`version ${view.getUint16(4)} is not known`);
  if ((view.getUint16(6) & FULL_DAG) === 0) throw bad("its pack does not have all that it reaches");
  for (let i = 0; i < idBytes; i++) {
    if (bytes[12 + i] !== index.packChecksum[i]) throw bad("it belongs to another pack");
  }
  const hasher = createHasher(index.format);
  hasher.update(bytes.subarray(0, end));
  const checksum = hasher.digest();
  for (let i = 0; i < idBytes; i++)
    if (bytes[end + i] !== checksum[i]) throw bad("its checksum does not match");

  const wordCount = 2 * Math.ceil(index.count / 64);
  let cursor = headerBytes;

  /** Where the bitmap that starts at `at` ends. */
  function endOf(at: number): number {
    if (at + HEAD_BYTES > end) throw bad("it ends inside a bitmap");
    const after = at + HEAD_BYTES + view.getUint32(at + 4) * 8 + TAIL_BYTES;
    if (after > end) throw bad("it ends inside a bitmap");
    return after;
  }

  /** Flips in `bits` what the EWAH bitmap at `at` has set. */
  function flip(at: number, bits: ObjectBits): void {
    const last = at + HEAD_BYTES + view.getUint32(at + 4) * 8;
    let word = 0;
    for (let from = at + HEAD_BYTES; from < last; ) {
      // A marker: a bit and how many words are full of it, then how many words stand for themselves.
      const high = view.getUint32(from);
      const low = view.getUint32(from + 4);
      from += 8;
      const run = ((low >>> 1) + (high & 1) * 0x80000000) * 2;
      const literals = high >>> 1;
      if (word + run + 2 * literals > wordCount || from + 8 * literals > last)
        throw bad("a bitmap is too long");
      if ((low & 1) === 1) for (let i = 0; i < run; i++) bits[word + i] = ~bits[word + i]!;
      word += run;
      for (let i = 0; i < literals; i++) {
        bits[word] = bits[word]! ^ view.getUint32(from + 4);
        bits[word + 1] = bits[word + 1]! ^ view.getUint32(from);
        word += 2;
        from += 8;
      }
    }
  }

  function takeType(): ObjectBits {
    const bits = new Uint32Array(wordCount);
    flip(cursor, bits);
    cursor = endOf(cursor);
    return bits;
  }

  const types = { commits: takeType(), trees: takeType(), blobs: takeType(), tags: takeType() };
  const entries: Entry[] = [];
  const byPosition = new Map<number, number>();
  const entryCount = view.getUint32(8);
  for (let i = 0; i < entryCount; i++) {
    if (cursor + 6 > end) throw bad("it ends inside a bitmap");
    const position = view.getUint32(cursor);
    const offset = bytes[cursor + 4]!;
    if (position >= index.count || offset > MAX_XOR_OFFSET || offset > i)
      throw bad("an entry makes no sense");
    byPosition.set(position, i);
    entries.push({ at: cursor + 6, base: offset === 0 ? -1 : i - offset });
    cursor = endOf(cursor + 6);
  }
  const scratch = new Uint32Array(wordCount);

  return {
    ...types,
    commitCount: entries.length,
    has: (position) => byPosition.has(position),
    addReached(position, bits) {
      scratch.fill(0);
      for (let i = byPosition.get(position) ?? -1; i >= 0; i = entries[i]!.base)
        flip(entries[i]!.at, scratch);
      for (let word = 0; word < wordCount; word++) bits[word] = bits[word]! | scratch[word]!;
    },
    empty: () => new Uint32Array(wordCount),
  };
}

function bad(why: string): PackError {
  return new PackError("PACK_BAD_INDEX", `bad pack bitmap: ${why}`);
}

import { copyBytes } from "./copy";
import { BLOCK, hashBlock, rollHash } from "./delta-hash";
import { longestMatch, matchStart } from "./delta-index";

/** Makes deltas (gitformat-pack, "deltified representation") out of an indexed base and a target. */
const MAX_LITERAL: usize = 127;
const MAX_COPY: usize = 0x10000;
const MAX_COPY_OPERATION: usize = 7;

let cursor: usize = 0;

function writeSize(size: usize): void {
  while (size >= 128) {
    store<u8>(cursor++, ((size & 0x7f) | 0x80) as u8);
    size >>= 7;
  }
  store<u8>(cursor++, size as u8);
}

/** Writes out what is taken from the target; `false` where it would pass the limit. */
function writeLiteral(from: usize, end: usize, limit: usize): bool {
  while (from < end) {
    const length = min(end - from, MAX_LITERAL);
    if (cursor + length + 1 > limit) return false;
    store<u8>(cursor, length as u8);
    copyBytes(cursor + 1, from, length);
    cursor += length + 1;
    from += length;
  }
  return true;
}

/** Writes out what is taken from the base; `false` where it would pass the limit. */
function writeCopy(from: usize, length: usize, limit: usize): bool {
  while (length > 0) {
    if (cursor + MAX_COPY_OPERATION > limit) return false;
    const piece = min(length, MAX_COPY);
    const operation = cursor++;
    let bits: u32 = 0x80;
    for (let i: u32 = 0; i < 4; i++) {
      const byte = (from >> (i << 3)) & 0xff;
      if (byte == 0) continue;
      bits |= 1 << i;
      store<u8>(cursor++, byte as u8);
    }
    for (let i: u32 = 0; i < 2; i++) {
      const byte = (piece >> (i << 3)) & 0xff;
      if (byte == 0) continue;
      bits |= 0x10 << i;
      store<u8>(cursor++, byte as u8);
    }
    store<u8>(operation, bits as u8);
    from += piece;
    length -= piece;
  }
  return true;
}

/**
 * Writes a delta to `out` and answers its length; 0 where it would be longer than `maxBytes`, which is told as early as
 * it is known. `index` is that of the base.
 */
export function encodeDelta(
  index: usize,
  base: usize,
  baseBytes: usize,
  target: usize,
  targetBytes: usize,
  out: usize,
  maxBytes: usize,
): usize {
  const limit = out + maxBytes;
  const end = target + targetBytes;
  const baseEnd = base + baseBytes;
  cursor = out;
  writeSize(baseBytes);
  writeSize(targetBytes);
  /** From here on nothing of the target is written yet. */
  let pending = target;
  let at = target;
  let hash: u32 = targetBytes >= BLOCK ? hashBlock(at) : 0;
  while (at + BLOCK <= end) {
    let length = longestMatch(index, base, baseEnd, hash, at, end);
    if (length == 0) {
      if (cursor + (at - pending) > limit) return 0;
      if (at + BLOCK == end) break;
      hash = rollHash(hash, load<u8>(at), load<u8>(at + BLOCK));
      at++;
      continue;
    }
    let from = matchStart();
    while (at > pending && from > base && load<u8>(at - 1) == load<u8>(from - 1)) {
      at--;
      from--;
      length++;
    }
    if (!writeLiteral(pending, at, limit) || !writeCopy(from - base, length, limit)) return 0;
    at += length;
    pending = at;
    if (at + BLOCK <= end) hash = hashBlock(at);
  }
  return writeLiteral(pending, end, limit) ? cursor - out : 0;
}

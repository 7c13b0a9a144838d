import { PackError } from "../errors.ts";

/** From this length on, a block copy beats a loop. */
const BLOCK_COPY_BYTES = 64;
/** Results past this size are allocated only after the instructions were seen to produce them. */
const CHECK_FIRST_BYTES = 1024 * 1024;
const MAX_RESULT_BYTES = 512 * 1024 * 1024;
const MAX_SIZE_BYTES = 8;

/** Sizes that a delta declares, and where in it the instructions start. */
export interface DeltaSizes {
  baseBytes: number;
  resultBytes: number;
  offset: number;
}

/**
 * Reads the two sizes at a delta's front (gitformat-pack, "deltified representation"); more than 20 bytes of it are
 * never needed. Throws PACK_BAD_DELTA where it ends inside or a size passes 2^53-1.
 */
export function readDeltaSizes(delta: Uint8Array): DeltaSizes {
  const sizes = { baseBytes: 0, resultBytes: 0, offset: 0 };
  sizes.baseBytes = readSize(delta, sizes);
  sizes.resultBytes = readSize(delta, sizes);
  return sizes;
}

function readSize(delta: Uint8Array, cursor: DeltaSizes): number {
  const start = cursor.offset;
  let size = 0;
  let scale = 1;
  for (;;) {
    const byte = delta[cursor.offset++];
    if (byte === undefined || cursor.offset - start > MAX_SIZE_BYTES) throw bad("delta has no sizes");
    size += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) break;
  }
  if (size > Number.MAX_SAFE_INTEGER) throw bad("delta declares too large a size");
  return size;
}

/**
 * Rebuilds an object from its base and a delta (gitformat-pack, "deltified representation").
 * The result belongs to the caller. Throws PACK_BAD_DELTA where the instructions do not fit base or result, and
 * PACK_LIMIT_EXCEEDED where the result would pass `maxResultBytes` (default 512 MiB), before anything is allocated.
 */
export function applyDelta(
  base: Uint8Array,
  delta: Uint8Array,
  maxResultBytes: number = MAX_RESULT_BYTES,
): Uint8Array {
  const { baseBytes, resultBytes, offset } = readDeltaSizes(delta);
  if (baseBytes !== base.length) throw bad(`delta is for a base of ${baseBytes} bytes, not ${base.length}`);
  if (resultBytes > maxResultBytes) {
    throw new PackError("PACK_LIMIT_EXCEEDED", `delta result of ${resultBytes} bytes is over the limit`);
  }
  if (resultBytes > CHECK_FIRST_BYTES && producedBytes(delta, offset) !== resultBytes) {
    throw bad("delta does not produce the declared size");
  }
  const result = new Uint8Array(resultBytes);
  const end = delta.length;
  let at = offset;
  let out = 0;
  while (at < end) {
    const op = delta[at++]!;
    if (op & 0x80) {
      let from = 0;
      let length = 0;
      // Bytes past the end read as undefined, which counts as 0 here; the check of `at` below refuses them.
      if (op & 0x01) from = delta[at++]!;
      if (op & 0x02) from |= delta[at++]! << 8;
      if (op & 0x04) from |= delta[at++]! << 16;
      if (op & 0x08) from += delta[at++]! * 0x1000000;
      if (op & 0x10) length = delta[at++]!;
      if (op & 0x20) length |= delta[at++]! << 8;
      if (op & 0x40) length |= delta[at++]! << 16;
      if (length === 0) length = 0x10000;
      if (at > end) throw bad("delta ends inside an instruction");
      if (from + length > base.length) throw bad("delta copies from past its base");
      if (length > resultBytes - out) throw bad("delta produces more than declared");
      if (length < BLOCK_COPY_BYTES) {
        const stop = out + length;
        while (out < stop) result[out++] = base[from++]!;
      } else {
        result.set(base.subarray(from, from + length), out);
        out += length;
      }
    } else {
      if (op === 0) throw bad("delta holds the reserved instruction");
      if (op > end - at) throw bad("delta ends inside an instruction");
      if (op > resultBytes - out) throw bad("delta produces more than declared");
      const stop = out + op;
      while (out < stop) result[out++] = delta[at++]!;
    }
  }
  if (out !== resultBytes) throw bad("delta produces less than declared");
  return result;
}

/** How many bytes the instructions from `start` on produce. */
function producedBytes(delta: Uint8Array, start: number): number {
  let total = 0;
  let at = start;
  while (at < delta.length) {
    const op = delta[at++]!;
    if (op & 0x80) {
      at += (op & 1) + ((op >> 1) & 1) + ((op >> 2) & 1) + ((op >> 3) & 1);
      let length = 0;
      if (op & 0x10) length = delta[at++] ?? 0;
      if (op & 0x20) length |= (delta[at++] ?? 0) << 8;
      if (op & 0x40) length |= (delta[at++] ?? 0) << 16;
      total += length === 0 ? 0x10000 : length;
    } else {
      total += op;
      at += op;
    }
  }
  return total;
}

function bad(message: string): PackError {
  return new PackError("PACK_BAD_DELTA", message);
}

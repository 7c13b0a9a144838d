import { type Kernel, sharedKernel } from "../kernel/kernel.ts";

/** Kernel functions read and write as far past their operands. */
const SLACK_BYTES = 64;
/** Bytes of a delta's two sizes and of one instruction, at most. */
const OVERHEAD_BYTES = 32;

/**
 * Makes a delta that builds `target` from `base` (gitformat-pack, "deltified representation"): copies are found by the
 * hashes of the base's blocks of 16 bytes, as git finds them. `undefined` where it would be longer than `maxBytes`, which
 * is found out early; the default is the target's own length. The delta belongs to the caller.
 * Throws PACK_LIMIT_EXCEEDED where there is no memory for both.
 */
export function encodeDelta(
  base: Uint8Array,
  target: Uint8Array,
  maxBytes: number = target.length,
): Uint8Array | undefined {
  const kernel = sharedKernel();
  const baseAt = kernel.heapStart;
  const targetAt = after(baseAt, base.length);
  const indexAt = after(targetAt, target.length);
  const outAt = after(indexAt, indexBytes(kernel, base.length));
  const limit = Math.min(maxBytes, boundOf(target.length));
  kernel.ensure(after(outAt, limit));
  kernel.bytes.set(base, baseAt);
  kernel.bytes.set(target, targetAt);
  kernel.exports.indexDeltaBase(baseAt, base.length, indexAt);
  const length = kernel.exports.encodeDelta(
    indexAt,
    baseAt,
    base.length,
    targetAt,
    target.length,
    outAt,
    limit,
  );
  return length === 0 ? undefined : kernel.bytes.slice(outAt, outAt + length);
}

/** Bytes of the index of a base that is so long. */
export function indexBytes(kernel: Kernel, baseBytes: number): number {
  return kernel.exports.deltaIndexBytes(baseBytes);
}

/** What a delta takes in which nothing is copied. */
export function boundOf(targetBytes: number): number {
  return targetBytes + Math.ceil(targetBytes / 127) + OVERHEAD_BYTES;
}

/** The first place behind `length` bytes at `at` that the kernel leaves alone. */
export function after(at: number, length: number): number {
  return Math.ceil((at + length + SLACK_BYTES) / 16) * 16;
}

import { INFLATE_TRUNCATED, sharedKernel } from "../kernel/kernel.ts";
import { StreamInflater } from "./inflater.ts";
import { type InflatedOnce, inflateOnce } from "./zlib-once.ts";

/** Deflate never shrinks content by more than this factor, so a shorter input cannot hold it. */
const MAX_RATIO = 1032;

/** Up to this size of content the kernel is quicker than zlib, which takes longer to be set up. */
const KERNEL_BYTES = 64 * 1024;
/** So much of the input the kernel is given: content that deflate cannot shrink grows by far less. */
const KERNEL_INPUT_BYTES = KERNEL_BYTES + 4096;
/** The kernel may write so far past its target. */
const SLACK_BYTES = 64;

const once: InflatedOnce = { content: new Uint8Array(0), consumed: 0 };
const inflater: StreamInflater = new StreamInflater(0, () => {}, false);

/**
 * Inflates one object whose zlib stream (RFC 1950) starts at `start` and, with luck, ends inside `input`.
 * Returns its content, owned by the caller, and how many packed bytes it took; or "truncated" where `input` ends
 * first. Throws PACK_CORRUPT for anything but a zlib stream of exactly `sizeBytes`.
 */
export function inflateWhole(
  input: Uint8Array,
  start: number,
  sizeBytes: number,
): { content: Uint8Array; consumed: number } | "truncated" {
  // Also bounds what a false size makes us allocate.
  if (sizeBytes > (input.length - start) * MAX_RATIO) return "truncated";
  if (sizeBytes <= KERNEL_BYTES) {
    const inflated = inflateInKernel(input, start, sizeBytes);
    if (inflated !== undefined) return inflated;
  }
  if (inflateOnce(input, start, input.length, sizeBytes, once)) {
    return { content: owned(once.content), consumed: once.consumed };
  }
  const content = new Uint8Array(sizeBytes);
  inflater.resetInto(content);
  const consumed = inflater.push(input, start, input.length);
  return inflater.done ? { content, consumed } : "truncated";
}

/** `undefined` where the kernel does not take it: what is wrong then, if anything, others find out. */
function inflateInKernel(
  input: Uint8Array,
  start: number,
  sizeBytes: number,
): { content: Uint8Array; consumed: number } | "truncated" | undefined {
  const kernel = sharedKernel();
  const { heapStart } = kernel;
  const length = Math.min(input.length - start, KERNEL_INPUT_BYTES);
  const target = heapStart + KERNEL_INPUT_BYTES + SLACK_BYTES;
  kernel.ensure(target + KERNEL_BYTES);
  kernel.bytes.set(input.subarray(start, start + length), heapStart);
  const consumed = kernel.inflate(heapStart, heapStart + length, target, sizeBytes);
  if (consumed >= 0) return { content: kernel.bytes.slice(target, target + sizeBytes), consumed };
  return consumed === INFLATE_TRUNCATED && start + length === input.length ? "truncated" : undefined;
}

/** Small buffers share a pool with strangers and are copied; large ones have at most one byte more than they show. */
function owned(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength > bytes.length + 1) return new Uint8Array(bytes);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

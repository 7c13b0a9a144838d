import { StreamInflater } from "./inflater.ts";
import { type InflatedOnce, inflateOnce } from "./zlib-once.ts";

/** Deflate never shrinks content by more than this factor, so a shorter input cannot hold it. */
const MAX_RATIO = 1032;

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
  if (inflateOnce(input, start, input.length, sizeBytes, once)) {
    return { content: owned(once.content), consumed: once.consumed };
  }
  const content = new Uint8Array(sizeBytes);
  inflater.resetInto(content);
  const consumed = inflater.push(input, start, input.length);
  return inflater.done ? { content, consumed } : "truncated";
}

/** Small buffers share a pool with strangers and are copied; large ones have at most one byte more than they show. */
function owned(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength > bytes.length + 1) return new Uint8Array(bytes);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

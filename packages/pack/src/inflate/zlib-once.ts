import { inflateSync } from "node:zlib";

/** What `inflateOnce` fills in, reused from call to call. */
export interface InflatedOnce {
  /** A view that may share its memory with other buffers of the process: copy what is to be kept. */
  content: Uint8Array;
  consumed: number;
}

const MIN_CHUNK_BYTES = 64;

/**
 * Lets zlib inflate the stream that lies in `input[start..end]` in one call, several times as fast as our own loop.
 * Returns false where it does not succeed for any reason, truncation included; the caller's own inflater then finds
 * out why. `result` is filled only on success.
 */
export function inflateOnce(
  input: Uint8Array,
  start: number,
  end: number,
  sizeBytes: number,
  result: InflatedOnce,
): boolean {
  let inflated: { buffer: Buffer; engine: { bytesWritten: number } };
  try {
    // One byte more than needed spares zlib a second turn. With `info` the answer is an object, as Node's
    // documentation says under "zlib: class Options"; its types do not.
    inflated = inflateSync(input.subarray(start, end), {
      info: true,
      chunkSize: sizeBytes < MIN_CHUNK_BYTES ? MIN_CHUNK_BYTES : sizeBytes + 1,
      maxOutputLength: sizeBytes === 0 ? 1 : sizeBytes,
    }) as unknown as typeof inflated;
  } catch {
    return false;
  }
  if (inflated.buffer.length !== sizeBytes) return false;
  result.content = inflated.buffer;
  result.consumed = inflated.engine.bytesWritten;
  return true;
}

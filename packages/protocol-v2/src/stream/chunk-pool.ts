import { MAX_PACKET_BYTES } from "@millrace/pktline";

/** Bytes of a large answer's chunks: sixteen full packets. */
export const CHUNK_BYTES: number = 16 * MAX_PACKET_BYTES;

/**
 * Buffers that go round: large answers are written into them, and whoever has sent a chunk gives it back. An answer uses
 * two at a time, however large it is and however slowly it is read.
 */
export interface ChunkPool {
  /** A buffer of 1,048,320 bytes with anything in it. */
  take(): Uint8Array;
  /** Gives a chunk back whose bytes nobody reads any more. Chunks that are not of this pool are left alone. */
  give(chunk: Uint8Array): void;
}

/** Makes a pool that keeps up to `maxKept` buffers for the next answers. Default 8. */
export function createChunkPool(maxKept = 8): ChunkPool {
  const kept: Uint8Array[] = [];
  const lent = new WeakSet<ArrayBufferLike>();
  return {
    take() {
      const chunk = kept.pop() ?? freshChunk();
      lent.add(chunk.buffer);
      return chunk;
    },
    give({ buffer }) {
      // What is given back twice must not be lent twice.
      if (lent.delete(buffer) && kept.length < maxKept) kept.push(new Uint8Array(buffer));
    },
  };
}

/** A buffer for one chunk that goes to its reader for good. */
export function freshChunk(): Uint8Array {
  return Buffer.allocUnsafeSlow(CHUNK_BYTES);
}

import { type ByteReader, roomOf } from "@millrace/pack";
import { MAX_PACKET_BYTES, openPacketRoom } from "@millrace/pktline";
import { type ChunkPool, freshChunk } from "../stream/chunk-pool.ts";

/** A pack in sideband packets of band 1: all full but the last, many to a chunk. */
export interface PackPackets {
  /** Bytes of the pack in the chunks so far. */
  readonly packBytes: number;
  /** The next chunk, which belongs to the caller; `undefined` at the end. One call at a time. Throws what the pack throws. */
  next(): Promise<Uint8Array | undefined>;
}

/**
 * Cuts a pack into packets of `maxDataBytes` data bytes. Its bytes are put right where they are sent from, between the
 * headers. The first chunk is small, since most packs are.
 */
export function openPackPackets(
  pack: ByteReader,
  maxDataBytes: number | undefined,
  pool: ChunkPool | undefined,
): PackPackets {
  let packBytes = 0;
  let isFirst = true;
  let isOver = false;
  return {
    get packBytes() {
      return packBytes;
    },
    async next() {
      if (isOver) return undefined;
      const buffer = isFirst ? new Uint8Array(MAX_PACKET_BYTES) : (pool?.take() ?? freshChunk());
      isFirst = false;
      const { places, close } = openPacketRoom(buffer, maxDataBytes);
      const filled = await pack.readInto(places);
      isOver = filled < roomOf(places);
      packBytes += filled;
      if (filled > 0) return close(1, filled);
      pool?.give(buffer);
      return undefined;
    },
  };
}

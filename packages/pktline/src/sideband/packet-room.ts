import { SIDEBAND_64K_DATA_BYTES } from "../schema.ts";
import { checkDataBytes, SIDEBAND_HEADER_BYTES, type Band, writeSidebandHeader } from "./frame.ts";

/** A buffer laid out for sideband packets whose data is yet to come: it is put where it is to be sent from. */
export interface PacketRoom {
  /** The places of the packets' data, in order: as many full packets as the buffer holds. */
  readonly places: readonly Uint8Array[];
  /**
   * Writes the headers for the first `dataBytes` bytes of the places, all packets full but the last, and answers the
   * packets: a view of the buffer, empty where there is no data.
   */
  close(band: Band, dataBytes: number): Uint8Array;
}

/**
 * Lays `buffer` out for packets of `maxDataBytes` data bytes (gitprotocol-capabilities, "side-band, side-band-64k").
 * The buffer stays the caller's.
 *
 * @param maxDataBytes data bytes of a full packet, at most 65,515 (the default).
 * @throws `PKTLINE_TOO_LONG` where that is not between 1 and 65,515.
 */
export function openPacketRoom(
  buffer: Uint8Array,
  maxDataBytes: number = SIDEBAND_64K_DATA_BYTES,
): PacketRoom {
  checkDataBytes(maxDataBytes);
  const packetBytes = SIDEBAND_HEADER_BYTES + maxDataBytes;
  const places: Uint8Array[] = [];
  for (let at = 0; at + packetBytes <= buffer.length; at += packetBytes) {
    places.push(buffer.subarray(at + SIDEBAND_HEADER_BYTES, at + packetBytes));
  }
  return {
    places,
    close(band, dataBytes) {
      let end = 0;
      for (let left = dataBytes; left > 0; left -= maxDataBytes) {
        const length = Math.min(left, maxDataBytes);
        writeSidebandHeader(band, length, buffer, end);
        end += SIDEBAND_HEADER_BYTES + length;
      }
      return buffer.subarray(0, end);
    },
  };
}

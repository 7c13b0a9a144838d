import { LENGTH_DIGITS, writeLength } from "../encode.ts";
import { PktlineError } from "../errors.ts";
import { SIDEBAND_64K_DATA_BYTES } from "../schema.ts";

/** 1 carries data, 2 progress for the user's eyes, 3 the last word of a side that has failed. */
export type Band = 1 | 2 | 3;

/** Bytes before the data of a sideband packet: the length digits and the band. */
export const SIDEBAND_HEADER_BYTES = 5;

/** Writes the five bytes before `dataBytes` bytes of data on `band`. */
export function writeSidebandHeader(band: Band, dataBytes: number, target: Uint8Array, at: number): void {
  writeLength(dataBytes + SIDEBAND_HEADER_BYTES, target, at);
  target[at + LENGTH_DIGITS] = band;
}

/**
 * `data` on `band` in as many packets as it needs, copied into one fresh piece; none where it is empty
 * (gitprotocol-capabilities, "side-band, side-band-64k"). The bytes belong to the caller.
 *
 * @param maxDataBytes data bytes of a full packet, at most 65,515 (the default).
 * @throws `PKTLINE_TOO_LONG` where that is not between 1 and 65,515.
 */
export function sidebandPackets(
  band: Band,
  data: Uint8Array,
  maxDataBytes: number = SIDEBAND_64K_DATA_BYTES,
): Uint8Array {
  checkDataBytes(maxDataBytes);
  const count = Math.ceil(data.length / maxDataBytes);
  const packets = new Uint8Array(data.length + count * SIDEBAND_HEADER_BYTES);
  let to = 0;
  for (let from = 0; from < data.length; from += maxDataBytes) {
    const part = data.subarray(from, from + maxDataBytes);
    writeSidebandHeader(band, part.length, packets, to);
    packets.set(part, to + SIDEBAND_HEADER_BYTES);
    to += SIDEBAND_HEADER_BYTES + part.length;
  }
  return packets;
}

/** Throws `PKTLINE_TOO_LONG` for a size that no full packet can have. */
export function checkDataBytes(maxDataBytes: number): void {
  if (maxDataBytes >= 1 && maxDataBytes <= SIDEBAND_64K_DATA_BYTES) return;
  throw new PktlineError("PKTLINE_TOO_LONG", `a sideband packet cannot hold ${maxDataBytes} bytes`);
}

/**
 * A packet that says nothing and keeps the connection from looking dead: upload-pack sends it on band 1,
 * receive-pack on band 2. The bytes belong to the caller.
 */
export function keepAlivePacket(band: 1 | 2): Uint8Array {
  const packet = new Uint8Array(SIDEBAND_HEADER_BYTES);
  writeSidebandHeader(band, 0, packet, 0);
  return packet;
}

import type { SidebandWriter } from "@millrace/pktline";

/**
 * The finished packets in one piece: a copy of 64 KiB costs less than the hops and small writes of its parts.
 * `undefined` where there are none; the bytes are the receiver's.
 */
export function takePackets(writer: SidebandWriter): Uint8Array | undefined {
  const parts = writer.take();
  if (parts.length < 2) return parts[0];
  let size = 0;
  for (const part of parts) size += part.length;
  const packets = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    packets.set(part, at);
    at += part.length;
  }
  return packets;
}

/**
 * One packet: a payload, or one of the three marks without one (gitprotocol-common, "pkt-line Format", and
 * gitprotocol-v2, "Packet-Line Framing").
 */
export type PktLine = DataPkt | ControlPkt;

/** A packet with a payload, which may be empty (`0004`). */
export interface DataPkt {
  readonly type: "data";
  /** The payload: a view into the chunk it came in where it lies whole in one, valid until the next `push`. */
  readonly bytes: Uint8Array;
}

/** A mark: `0000` ends a message, `0001` a section of it, `0002` a response of a stateless connection. */
export interface ControlPkt {
  readonly type: "flush" | "delim" | "response-end";
}

/** The payload as UTF-8 text, less one line feed at its end; a mark has the empty text. */
export function pktText(packet: PktLine): string {
  if (packet.type !== "data") return "";
  const { buffer, byteOffset, byteLength } = packet.bytes;
  const end = packet.bytes[byteLength - 1] === 0x0a ? byteLength - 1 : byteLength;
  return Buffer.from(buffer, byteOffset, byteLength).toString("utf8", 0, end);
}

/** What an `ERR` packet says, one line feed at its end removed; `undefined` for every other packet (gitprotocol-pack, error-line). */
export function errorPktText(packet: PktLine): string | undefined {
  if (packet.type !== "data") return undefined;
  const [e, r1, r2, space] = packet.bytes;
  if (e !== 0x45 || r1 !== 0x52 || r2 !== 0x52 || space !== 0x20) return undefined;
  return pktText(packet).slice(4);
}

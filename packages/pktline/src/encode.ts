import { PktlineError } from "./errors.ts";
import { MAX_PAYLOAD_BYTES } from "./schema.ts";

/** Bytes of a packet's length digits. */
export const LENGTH_DIGITS = 4;

const encoder = new TextEncoder();

/** `0000`, the end of a message. All users share these bytes: neither write nor transfer them. */
export const FLUSH: Uint8Array = encoder.encode("0000");
/** `0001`, the end of a section. Shared as `FLUSH` is. */
export const DELIM: Uint8Array = encoder.encode("0001");
/** `0002`, the end of a response on a stateless connection. Shared as `FLUSH` is. */
export const RESPONSE_END: Uint8Array = encoder.encode("0002");

/** Writes `length` as the four digits that begin a packet; it counts them too. */
export function writeLength(length: number, target: Uint8Array, at: number): void {
  target[at] = hexDigit(length >> 12);
  target[at + 1] = hexDigit((length >> 8) & 15);
  target[at + 2] = hexDigit((length >> 4) & 15);
  target[at + 3] = hexDigit(length & 15);
}

/**
 * Writes `payload` as one packet into `target` at `at`, copying it (gitprotocol-common, "pkt-line Format").
 * An empty payload gives `0004`, which git reads but asks writers not to send.
 *
 * @returns where the packet ends, which is where the next one goes.
 * @throws `PKTLINE_TOO_LONG` over 65,516 bytes, `PKTLINE_NO_ROOM`; nothing is written then.
 */
export function encodePkt(payload: Uint8Array, target: Uint8Array, at: number): number {
  const length = packetLength(payload.length);
  const end = at + length;
  if (end > target.length) {
    throw new PktlineError("PKTLINE_NO_ROOM", `no room for ${length} bytes at ${at} of ${target.length}`);
  }
  writeLength(length, target, at);
  target.set(payload, at + LENGTH_DIGITS);
  return end;
}

/**
 * One packet with `payload`, a string as UTF-8; a line feed at its end is the caller's to put there.
 * The bytes belong to the caller.
 *
 * @throws `PKTLINE_TOO_LONG` over 65,516 bytes.
 */
export function pktLine(payload: string | Uint8Array): Uint8Array {
  if (typeof payload !== "string") {
    const packet = new Uint8Array(packetLength(payload.length));
    encodePkt(payload, packet, 0);
    return packet;
  }
  const packet = encoder.encode(`0000${payload}`);
  writeLength(packetLength(packet.length - LENGTH_DIGITS), packet, 0);
  return packet;
}

/**
 * An `ERR` packet, the last word of a server that cannot go on (gitprotocol-pack, error-line); what does not fit
 * into one packet is cut off between characters. Control characters are the caller's to remove.
 */
export function errorPkt(message: string): Uint8Array {
  const room = new Uint8Array(MAX_PAYLOAD_BYTES);
  const { written } = encoder.encodeInto(`ERR ${message}`, room);
  return pktLine(room.subarray(0, written));
}

function packetLength(payloadBytes: number): number {
  if (payloadBytes > MAX_PAYLOAD_BYTES) {
    throw new PktlineError(
      "PKTLINE_TOO_LONG",
      `a payload of ${payloadBytes} bytes does not fit into a packet, which holds ${MAX_PAYLOAD_BYTES}`,
    );
  }
  return payloadBytes + LENGTH_DIGITS;
}

function hexDigit(value: number): number {
  return value < 10 ? 0x30 + value : 0x57 + value;
}

import { createPktDecoder } from "../decoder.ts";
import { PktlineError, printableBytes } from "../errors.ts";
import type { ControlPkt, PktLine } from "../packet.ts";
import type { PktDecoderOptions } from "../schema.ts";

/** What one packet of a sideband says; bytes are views as a `PktLine`'s are. */
export type SidebandEvent =
  | { readonly type: "data"; readonly bytes: Uint8Array }
  | { readonly type: "progress"; readonly bytes: Uint8Array }
  | { readonly type: "error"; readonly bytes: Uint8Array }
  | ControlPkt;

/**
 * Tells a packet's band; marks come back as they are (gitprotocol-capabilities, "side-band, side-band-64k").
 * @throws `PKTLINE_BAD_BAND` where it has none, or another than 1, 2 and 3.
 */
export function readSideband(packet: PktLine): SidebandEvent {
  if (packet.type !== "data") return packet;
  const bytes = packet.bytes.subarray(1);
  switch (packet.bytes[0]) {
    case 1:
      return { type: "data", bytes };
    case 2:
      return { type: "progress", bytes };
    case 3:
      return { type: "error", bytes };
    case undefined:
      throw new PktlineError("PKTLINE_BAD_BAND", "no band designator");
    default:
      throw new PktlineError("PKTLINE_BAD_BAND", `bad band: ${printableBytes(packet.bytes.subarray(0, 1))}`);
  }
}

/** Sideband packets out of chunks; the counterpart of `PktDecoder`, with the same rules. */
export interface SidebandDecoder {
  /** As `PktDecoder.push`. */
  push(chunk: Uint8Array): void;
  /** What the next packet says, or `undefined` where more bytes are needed. Throws `PKTLINE_BAD_BAND` and as `PktDecoder.next`. */
  next(): SidebandEvent | undefined;
  /** As `PktDecoder.rest`: what follows the flush, say. */
  rest(): Uint8Array;
  /** As `PktDecoder.end`. */
  end(): void;
}

/** @throws ZodError where the options are malformed. */
export function createSidebandDecoder(options: PktDecoderOptions = {}): SidebandDecoder {
  const packets = createPktDecoder(options);
  return {
    push: (chunk) => packets.push(chunk),
    next() {
      const packet = packets.next();
      return packet === undefined ? undefined : readSideband(packet);
    },
    rest: () => packets.rest(),
    end: () => packets.end(),
  };
}

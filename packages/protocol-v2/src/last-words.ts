import { createSidebandWriter, errorPkt } from "@millrace/pktline";
import { withoutControls } from "./printable.ts";
import { takePackets } from "./sideband.ts";

const maxMessageChars = 1000;

/**
 * The last the client hears: an ERR packet, or band 3 where it has asked for bands and reads nothing else; its packets
 * then hold at most `maxDataBytes`.
 */
export function lastWords(message: string, sideband: boolean, maxDataBytes?: number): Uint8Array {
  const text = withoutControls(message).slice(0, maxMessageChars);
  if (!sideband) return errorPkt(text);
  const writer = createSidebandWriter({ maxDataBytes });
  writer.error(text);
  return takePackets(writer) ?? new Uint8Array(0);
}

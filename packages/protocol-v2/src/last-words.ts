import { errorPkt } from "@millrace/pktline";
import { withoutControls } from "./printable.ts";
import { bandPackets } from "./sideband.ts";

const maxMessageChars = 1000;

/** The last the client hears: an ERR packet, or band 3 where it has asked for bands and reads nothing else. */
export function lastWords(message: string, sideband: boolean): Uint8Array {
  const text = withoutControls(message).slice(0, maxMessageChars);
  return sideband ? bandPackets(3, new TextEncoder().encode(text)) : errorPkt(text);
}

import { createPktDecoder, type PktLine } from "@millrace/pktline";

/** Reads packets up to the first flush from chunks of any size; what follows it is raw bytes. */
export function commandsAndRest(chunks: Iterable<Uint8Array>): { packets: PktLine[]; rest: Uint8Array } {
  const decoder = createPktDecoder();
  const packets: PktLine[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
      if (packet.type === "flush") return { packets, rest: decoder.rest() };
      packets.push(packet);
    }
  }
  decoder.end();
  return { packets, rest: decoder.rest() };
}

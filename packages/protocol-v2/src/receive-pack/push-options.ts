import type { PktLine } from "@millrace/pktline";
import type { PacketSink } from "../request-input.ts";
import { requestLine } from "../request-line.ts";

/** Reads push options, up to the flush (gitprotocol-pack, "Reference Update Request and Packfile Transfer"). */
export function createPushOptionsParser(options: string[]): PacketSink {
  return {
    accept(packet: PktLine) {
      if (packet.type !== "data") return true;
      options.push(requestLine(packet.bytes));
      return false;
    },
  };
}

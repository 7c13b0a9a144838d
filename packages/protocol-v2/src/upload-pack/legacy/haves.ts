import type { ObjectFormat, Oid } from "@millrace/pack";
import type { PktLine } from "@millrace/pktline";
import { clientError } from "../../errors.ts";
import { parseOid } from "../../object-id.ts";
import { printable } from "../../printable.ts";
import type { PacketSink } from "../../request-input.ts";
import { requestLine } from "../../request-line.ts";

/** Reads what a client has, up to a flush or `done` (gitprotocol-pack, "Packfile Negotiation"). */
export interface HavesParser extends PacketSink {
  readonly haves: readonly Oid[];
  /** The client has said all it has. */
  readonly done: boolean;
}

const havePrefix = "have ";

export function createHavesParser(objectFormat: ObjectFormat): HavesParser {
  const haves: Oid[] = [];
  let done = false;
  return {
    haves,
    get done() {
      return done;
    },
    accept(packet: PktLine) {
      if (packet.type !== "data") return true;
      const line = requestLine(packet.bytes);
      if (line === "done") {
        done = true;
        return true;
      }
      if (!line.startsWith(havePrefix)) {
        throw clientError(
          "PROTOCOL_BAD_REQUEST",
          `git upload-pack: expected SHA1 list, got '${printable(line)}'`,
        );
      }
      const text = line.slice(havePrefix.length);
      const oid = parseOid(text, objectFormat);
      if (oid === undefined) {
        const message = `git upload-pack: expected SHA1 object, got '${printable(text)}'`;
        throw clientError("PROTOCOL_BAD_REQUEST", message);
      }
      haves.push(oid);
      return false;
    },
  };
}

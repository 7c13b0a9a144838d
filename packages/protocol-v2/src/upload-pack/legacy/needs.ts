import type { PktLine } from "@millrace/pktline";
import { clientError } from "../../errors.ts";
import { oidLength, parseOid } from "../../object-id.ts";
import { printable } from "../../printable.ts";
import type { PacketSink } from "../../request-input.ts";
import { requestLine } from "../../request-line.ts";
import type { CommandContext } from "../capability.ts";
import { filterArgument } from "../fetch/filter-argument.ts";
import type { FetchArgument } from "../fetch/feature.ts";
import { checkWantCount } from "../fetch/request.ts";
import { shallowArguments } from "../fetch/shallow-arguments.ts";
import { applyLegacyCapability } from "./capabilities.ts";
import { createLegacyRequest, type LegacyRequest } from "./request.ts";

/** Reads what is wanted, up to the flush (gitprotocol-pack, "Packfile Negotiation"). */
export interface NeedsParser extends PacketSink {
  /** Whole once `accept` has answered `true`. */
  readonly request: LegacyRequest;
}

const wantPrefix = "want ";

/** The lines beside the wants; in these versions `deepen-relative` is a capability. */
const besides: ReadonlyMap<string, FetchArgument> = new Map(
  [...shallowArguments.arguments, ...filterArgument.arguments]
    .filter((argument) => argument.takesValue)
    .map((argument) => [argument.name, argument] as const),
);

export function createNeedsParser(context: CommandContext): NeedsParser {
  const request = createLegacyRequest(context);
  const canDeepen = shallowArguments.offered?.(context.host) === true;

  const takeBeside = (line: string): boolean => {
    const space = line.indexOf(" ");
    const argument = besides.get(line.slice(0, Math.max(space, 0)));
    if (argument === undefined) return false;
    if (argument.name === "filter") {
      if (!request.filter) {
        throw clientError("PROTOCOL_BAD_REQUEST", "git upload-pack: filtering capability not negotiated");
      }
    } else if (!canDeepen) return false;
    argument.apply(request.fetch, line.slice(space + 1));
    return true;
  };

  const takeWant = (line: string): void => {
    const end = wantPrefix.length + oidLength(request.fetch.objectFormat);
    const oid = parseOid(line.slice(wantPrefix.length, end), request.fetch.objectFormat);
    if (!line.startsWith(wantPrefix) || oid === undefined || (line.length > end && line[end] !== " ")) {
      const message = `git upload-pack: protocol error, expected to get object ID, not '${printable(line)}'`;
      throw clientError("PROTOCOL_BAD_REQUEST", message);
    }
    for (const word of line.slice(end).split(" ")) applyLegacyCapability(request, word, context);
    request.fetch.wants.add(oid);
    checkWantCount(request.fetch);
  };

  return {
    request,
    accept(packet: PktLine) {
      // Git takes whatever is not a line as the end.
      if (packet.type !== "data") return true;
      const line = requestLine(packet.bytes);
      if (!takeBeside(line)) takeWant(line);
      return false;
    },
  };
}

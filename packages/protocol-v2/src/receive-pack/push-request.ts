import type { ObjectFormat, Oid } from "@millrace/pack";
import type { PktLine } from "@millrace/pktline";
import { clientError } from "../errors.ts";
import type { RefCommand } from "../host.ts";
import { oidLength, parseOid, zeroOid } from "../object-id.ts";
import { printable } from "../printable.ts";
import type { PacketSink } from "../request-input.ts";
import { requestLine } from "../request-line.ts";
import { applyPushCapability } from "./capabilities.ts";

/** What a client asks of a push, apart from its pack. */
export interface PushRequest {
  readonly commands: RefCommand[];
  /** Commits whose parents the client does not have. */
  readonly shallow: Oid[];
  /** The version of the report the client reads; absent: it wants none. */
  reportStatus: 1 | 2 | undefined;
  /** Lines for the server's hooks; absent: none follow the commands. */
  pushOptions: string[] | undefined;
  /** What the client says of itself. */
  readonly client: { agent: string | undefined; sessionId: string | undefined };
  sideband: boolean;
  quiet: boolean;
  atomic: boolean;
  objectFormat: string | undefined;
}

export interface PushRequestLimits {
  readonly objectFormat: ObjectFormat;
  readonly maxCommands: number;
  /** Whether `atomic` was offered. */
  readonly atomic: boolean;
  /** Whether `push-options` was. */
  readonly pushOptions: boolean;
}

/** Reads the command list packet by packet (gitprotocol-pack, "Reference Update Request and Packfile Transfer"). */
export interface PushRequestParser extends PacketSink {
  /** What is known so far; whole once `accept` has answered `true`. */
  readonly request: PushRequest;
}

const shallowPrefix = "shallow ";

export function createPushRequestParser(limits: PushRequestLimits): PushRequestParser {
  const request: PushRequest = {
    commands: [],
    shallow: [],
    reportStatus: undefined,
    pushOptions: undefined,
    client: { agent: undefined, sessionId: undefined },
    sideband: false,
    quiet: false,
    atomic: false,
    objectFormat: undefined,
  };
  return {
    request,
    accept(packet: PktLine) {
      // Git takes whatever is not a line as the end of the list.
      if (packet.type !== "data") return true;
      const line = requestLine(packet.bytes);
      if (line.startsWith(shallowPrefix)) {
        request.shallow.push(parseShallow(line.slice(shallowPrefix.length), limits.objectFormat));
        return false;
      }
      const nul = line.indexOf("\0");
      if (nul >= 0) takeCapabilities(request, line.slice(nul + 1), limits);
      request.commands.push(parseCommand(nul < 0 ? line : line.slice(0, nul), limits.objectFormat));
      if (request.commands.length > limits.maxCommands) {
        throw clientError(
          "PROTOCOL_LIMIT_EXCEEDED",
          `receive-pack: more than ${limits.maxCommands} refs pushed`,
        );
      }
      return false;
    },
  };
}

function takeCapabilities(request: PushRequest, list: string, limits: PushRequestLimits): void {
  for (const word of list.split(" ")) applyPushCapability(request, word, limits);
  const spoken = request.objectFormat ?? "sha1";
  if (spoken !== limits.objectFormat) {
    throw clientError("PROTOCOL_OBJECT_FORMAT", `error: unsupported object format '${printable(spoken)}'`);
  }
}

function parseShallow(text: string, format: ObjectFormat): Oid {
  const oid = parseOid(text, format);
  if (oid !== undefined) return oid;
  throw clientError("PROTOCOL_BAD_REQUEST", `protocol error: expected shallow sha, got '${printable(text)}'`);
}

function parseCommand(line: string, format: ObjectFormat): RefCommand {
  const digits = oidLength(format);
  const from = parseOid(line.slice(0, digits), format);
  const to = parseOid(line.slice(digits + 1, 2 * digits + 1), format);
  if (from === undefined || to === undefined || line[digits] !== " " || line[2 * digits + 1] !== " ") {
    throw clientError(
      "PROTOCOL_BAD_REQUEST",
      `protocol error: expected old/new/ref, got '${printable(line)}'`,
    );
  }
  const zero = zeroOid(format);
  return { name: line.slice(2 * digits + 2), old: from === zero ? null : from, new: to === zero ? null : to };
}

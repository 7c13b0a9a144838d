import type { PktLine } from "@millrace/pktline";
import { clientError } from "../errors.ts";
import { printable } from "../printable.ts";
import { requestLine } from "../request-line.ts";
import type { PacketSink } from "../request-input.ts";
import type { Capability, CommandContext, CommandRequest } from "./capability.ts";
import { capabilities } from "./capabilities.ts";
import { checkObjectFormat } from "./object-format.ts";

/** Reads one request of version 2, packet by packet (gitprotocol-v2, "Command Request"). */
export interface CommandParser extends PacketSink {
  /** The request, once `accept` has answered `true`; `undefined`: the client wants nothing more. */
  readonly request: CommandRequest | undefined;
}

export function createCommandParser(context: CommandContext): CommandParser {
  let inArguments = false;
  let anyKey = false;
  let name: string | undefined;
  let command: Capability["command"];
  let clientFormat: string | undefined;
  let request: CommandRequest | undefined;

  const takeKey = (line: string): void => {
    anyKey = true;
    const [key, value] = splitKey(line);
    if (key === "command" && value !== undefined) {
      if (name !== undefined) {
        const message = `command '${printable(value)}' requested after already requesting command '${name}'`;
        throw clientError("PROTOCOL_BAD_REQUEST", message);
      }
      command = find(value, context)?.command;
      if (command === undefined)
        throw clientError("PROTOCOL_BAD_REQUEST", `invalid command '${printable(value)}'`);
      name = value;
      return;
    }
    const capability = find(key, context);
    if (capability === undefined || capability.command !== undefined) {
      throw clientError("PROTOCOL_BAD_REQUEST", `unknown capability '${printable(line)}'`);
    }
    capability.receive?.(value, context);
    if (key === "object-format") clientFormat = value;
  };

  const endKeys = (): void => {
    if (command === undefined) throw clientError("PROTOCOL_BAD_REQUEST", "no command requested");
    checkObjectFormat(context.host.objectFormat, clientFormat);
    request = command(context);
    inArguments = true;
  };

  return {
    get request() {
      return request;
    },
    accept(packet: PktLine) {
      switch (packet.type) {
        case "data": {
          const line = requestLine(packet.bytes);
          if (inArguments) request?.argument(line);
          else takeKey(line);
          return false;
        }
        case "flush":
          if (!inArguments && anyKey) endKeys();
          return true;
        case "delim":
          if (inArguments)
            throw clientError("PROTOCOL_BAD_REQUEST", `expected flush after ${name} arguments`);
          endKeys();
          return false;
        default:
          throw clientError("PROTOCOL_BAD_REQUEST", "unexpected response end packet");
      }
    },
  };
}

function find(name: string, context: CommandContext): Capability | undefined {
  const advertising = { host: context.host, agent: context.options.agent };
  return capabilities.find((each) => each.name === name && each.advertise(advertising) !== undefined);
}

function splitKey(line: string): [key: string, value: string | undefined] {
  const equals = line.indexOf("=");
  return equals < 0 ? [line, undefined] : [line.slice(0, equals), line.slice(equals + 1)];
}

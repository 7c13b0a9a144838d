import { DELIM, FLUSH, pktLine } from "@millrace/pktline";

/** What a client says of itself with every command. */
export interface ClientIdentity {
  readonly agent: string;
  readonly sessionId: string | undefined;
  readonly serverOptions: readonly string[];
}

/** A request of protocol version 2 (gitprotocol-v2, "Command Request"); the lines have no line feeds. */
export function encodeCommand(
  command: string,
  identity: ClientIdentity,
  objectFormat: string,
  lines: readonly string[],
): Uint8Array {
  const { agent, sessionId, serverOptions } = identity;
  const capabilities = [
    `command=${command}`,
    `agent=${agent}`,
    `object-format=${objectFormat}`,
    ...(sessionId === undefined ? [] : [`session-id=${sessionId}`]),
    ...serverOptions.map((option) => `server-option=${option}`),
  ];
  const packets = (texts: readonly string[]): Uint8Array[] => texts.map((text) => pktLine(`${text}\n`));
  return Buffer.concat([...packets(capabilities), DELIM, ...packets(lines), FLUSH]);
}

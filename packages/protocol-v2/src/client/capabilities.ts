import type { ObjectFormat } from "@millrace/pack";
import { ProtocolError } from "../errors.ts";
import { printable } from "../printable.ts";
import { badAnswer, readLine } from "./answer-packets.ts";
import type { Answer } from "./transport.ts";

/** What a server of protocol version 2 can do (gitprotocol-v2, "Capability Advertisement"). */
export interface RemoteCapabilities {
  readonly agent: string | undefined;
  readonly objectFormat: ObjectFormat;
  /** Words behind a command, `fetch` say: `filter`, `shallow`, …; `undefined` where the server has no such command. */
  features(command: string): ReadonlySet<string> | undefined;
  /** The server's own id of the conversation. */
  readonly sessionId: string | undefined;
}

const MAX_LINES = 1000;
const SERVICE_LINE = /^# service=git-[a-z-]+$/;

/**
 * Reads an advertisement up to its flush.
 * @throws `PROTOCOL_UNSUPPORTED` where the server speaks an older version, and as `readPacket`.
 */
export async function readCapabilities(answer: Answer): Promise<RemoteCapabilities> {
  let first = await readLine(answer);
  if (SERVICE_LINE.test(first.text ?? "")) {
    await readLine(answer, "flush");
    first = await readLine(answer, "flush");
  }
  if (first.text !== "version 2") {
    throw new ProtocolError("PROTOCOL_UNSUPPORTED", "the server does not speak protocol version 2");
  }
  const values = new Map<string, string>();
  for (;;) {
    const { text } = await readLine(answer, "flush");
    if (text === undefined) return createCapabilities(values);
    if (values.size >= MAX_LINES) throw badAnswer("more capabilities than there are");
    const [key = "", ...rest] = text.split("=");
    values.set(key, rest.join("="));
  }
}

function createCapabilities(values: ReadonlyMap<string, string>): RemoteCapabilities {
  const objectFormat = values.get("object-format") ?? "sha1";
  if (objectFormat !== "sha1" && objectFormat !== "sha256") {
    throw new ProtocolError("PROTOCOL_OBJECT_FORMAT", `unknown object format ${printable(objectFormat)}`);
  }
  return {
    agent: values.get("agent"),
    sessionId: values.get("session-id"),
    objectFormat,
    features(command) {
      const words = values.get(command);
      return words === undefined ? undefined : new Set(words.split(" ").filter(Boolean));
    },
  };
}

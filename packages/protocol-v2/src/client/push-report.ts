import { ProtocolError } from "../errors.ts";
import { printable } from "../printable.ts";
import { badAnswer, readLine } from "./answer-packets.ts";
import type { Answer } from "./transport.ts";

/** What became of a ref that was pushed. */
export interface PushedRef {
  readonly name: string;
  /** Why the server refused; `undefined` where it did not. */
  readonly reason: string | undefined;
  /** The name under which the server keeps it, and what it says beside (report-status-v2). */
  readonly options: ReadonlyMap<string, string>;
}

/** What became of a push. */
export interface PushReport {
  /** Why the server could not take the pack; `undefined` where it could. */
  readonly unpackError: string | undefined;
  readonly refs: readonly PushedRef[];
}

/**
 * Reads a report (gitprotocol-pack, "Report Status"; gitprotocol-capabilities, "report-status-v2").
 * @throws as `readPacket`, `PROTOCOL_BAD_ANSWER` for refs that were not pushed.
 */
export async function readPushReport(answer: Answer, names: ReadonlySet<string>): Promise<PushReport> {
  const { text: unpack } = await readLine(answer, "flush");
  if (unpack?.startsWith("unpack ") !== true) throw badAnswer("no report of the pack");
  const refs: (PushedRef & { readonly options: Map<string, string> })[] = [];
  for (;;) {
    const { text } = await readLine(answer, "flush");
    if (text === undefined) break;
    const [word = "", name = "", ...rest] = text.split(" ");
    if (word === "option" && refs.length > 0) {
      refs.at(-1)?.options.set(name, rest.join(" "));
      continue;
    }
    if ((word !== "ok" && word !== "ng") || !names.has(name))
      throw badAnswer("a report of what was not pushed");
    if (refs.length >= names.size)
      throw new ProtocolError("PROTOCOL_LIMIT_EXCEEDED", "a report without an end");
    refs.push({ name, reason: word === "ok" ? undefined : printable(rest.join(" ")), options: new Map() });
  }
  const status = unpack.slice("unpack ".length);
  return { unpackError: status === "ok" ? undefined : printable(status), refs };
}

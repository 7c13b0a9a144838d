import {
  createPktReader,
  errorPktText,
  PktlineError,
  type PktLine,
  type PktReader,
  pktText,
} from "@millrace/pktline";
import { ProtocolError } from "../errors.ts";
import { printable } from "../printable.ts";
import type { Answer } from "./transport.ts";

/** What ends a section or an answer. */
export type Mark = "flush" | "delim";

/** A line of an answer, or a mark. */
export type Line =
  | { readonly text: string; readonly mark?: undefined }
  | { readonly mark: Mark; readonly text?: undefined };

/** Packets of a server's answer: a source that fails or ends early throws errors of this package. */
export function readAnswerPackets(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): PktReader {
  return createPktReader(source, { signal });
}

/**
 * The next packet of an answer.
 * @throws `PROTOCOL_REMOTE_FAILED` where the server gives its last words (`ERR`), `PROTOCOL_BAD_ANSWER` where the bytes
 * are no packets, `PROTOCOL_UNREACHABLE` where they end, and what the source throws.
 */
export async function readPacket(answer: Answer): Promise<PktLine> {
  const { packets } = answer;
  let packet: PktLine | undefined;
  try {
    packet = packets.next() ?? (await packets.read());
  } catch (error) {
    throw answerError(error, answer);
  }
  if (packet === undefined) throw endsEarly();
  const words = errorPktText(packet);
  if (words !== undefined) throw remoteFailure(words, answer);
  return packet;
}

/**
 * The next line of an answer, or the mark that stands there instead.
 * @throws `PROTOCOL_BAD_ANSWER` for a mark other than these, and as `readPacket`.
 */
export async function readLine(answer: Answer, ...marks: readonly Mark[]): Promise<Line> {
  const packet = await readPacket(answer);
  if (packet.type === "data") return { text: pktText(packet) };
  if (packet.type === "response-end" || !marks.includes(packet.type)) {
    throw badAnswer(`a ${packet.type} packet where none may be`);
  }
  return { mark: packet.type };
}

export function badAnswer(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError("PROTOCOL_BAD_ANSWER", `the server's answer makes no sense: ${what}`, { cause });
}

/** The server's own words for its failure. What they are read from is no cause: it has them as they came. */
function remoteFailure(words: string, { conceal }: Pick<Answer, "conceal">): ProtocolError {
  const remoteMessage = printable((conceal?.(words) ?? words).trimEnd());
  return new ProtocolError("PROTOCOL_REMOTE_FAILED", `remote error: ${remoteMessage}`, { remoteMessage });
}

/** A fault of the packet reader as one of this package; all else comes back as it is. */
export function answerError(error: unknown, answer: Pick<Answer, "conceal">): unknown {
  if (!(error instanceof PktlineError)) return error;
  if (error.code === "PKTLINE_TRUNCATED") return endsEarly(error);
  if (error.code === "PKTLINE_REMOTE_ERROR") return remoteFailure(error.remoteText ?? "", answer);
  return badAnswer(error.message, error);
}

function endsEarly(cause?: unknown): ProtocolError {
  return new ProtocolError("PROTOCOL_UNREACHABLE", "the server hung up in the middle of its answer", {
    cause,
    transient: true,
  });
}

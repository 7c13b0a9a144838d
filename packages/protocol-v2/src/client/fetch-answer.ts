import type { ObjectFormat, Oid } from "@millrace/pack";
import { ProtocolError } from "../errors.ts";
import { parseOid } from "../object-id.ts";
import { badAnswer, readLine } from "./answer-packets.ts";
import type { Answer } from "./transport.ts";

/** What a server says before the pack, or instead of it. */
export interface FetchHead {
  readonly acknowledged: readonly Oid[];
  /** Commits that are the client's boundary now. */
  readonly shallow: readonly Oid[];
  /** Commits that are no longer so. */
  readonly unshallow: readonly Oid[];
  /** What the refs that were wanted point to. */
  readonly wantedRefs: ReadonlyMap<string, Oid>;
  /** Whether the pack follows. */
  readonly hasPack: boolean;
}

/**
 * Reads an answer to `fetch` up to its pack (gitprotocol-v2, "fetch", output).
 * @throws `PROTOCOL_LIMIT_EXCEEDED` behind `maxLines` lines, and as `readPacket`.
 */
export async function readFetchHead(
  answer: Answer,
  format: ObjectFormat,
  maxLines: number,
): Promise<FetchHead> {
  const acknowledged: Oid[] = [];
  const shallow: Oid[] = [];
  const unshallow: Oid[] = [];
  const wantedRefs = new Map<string, Oid>();
  const sections: Readonly<Record<string, (line: string) => void>> = {
    acknowledgments(line) {
      if (line.startsWith("ACK ")) acknowledged.push(readOid(line.slice(4), format));
      else if (line !== "NAK" && line !== "ready") throw badAnswer("an acknowledgment that is none");
    },
    "shallow-info"(line) {
      if (line.startsWith("shallow ")) shallow.push(readOid(line.slice(8), format));
      else if (line.startsWith("unshallow ")) unshallow.push(readOid(line.slice(10), format));
      else throw badAnswer("a line about no shallow commit");
    },
    "wanted-refs"(line) {
      const space = line.indexOf(" ");
      wantedRefs.set(line.slice(space + 1), readOid(line.slice(0, Math.max(0, space)), format));
    },
  };
  const head = (hasPack: boolean): FetchHead => ({ acknowledged, shallow, unshallow, wantedRefs, hasPack });

  for (let lines = 0; ; ) {
    const { text: title } = await readLine(answer, "flush");
    if (title === undefined) return head(false);
    if (title === "packfile") return head(true);
    const take = Object.hasOwn(sections, title) ? sections[title] : undefined;
    if (take === undefined) throw badAnswer("a section that was not asked for");
    for (;;) {
      const line = await readLine(answer, "flush", "delim");
      if (line.mark === "flush") return head(false);
      if (line.mark === "delim") break;
      if (++lines > maxLines) throw new ProtocolError("PROTOCOL_LIMIT_EXCEEDED", "an answer without an end");
      take(line.text ?? "");
    }
  }
}

function readOid(text: string, format: ObjectFormat): Oid {
  const oid = parseOid(text, format);
  if (oid === undefined) throw badAnswer("an object id that is none");
  return oid;
}

import type { ObjectFormat, Oid } from "@millrace/pack";
import { event } from "@millrace/telemetry";
import { ProtocolError } from "../errors.ts";
import { parseOid } from "../object-id.ts";
import { printable } from "../printable.ts";
import { badAnswer, readLine } from "./answer-packets.ts";
import { isRefName } from "./ref-name.ts";
import type { Answer } from "./transport.ts";

/** Which refs are asked for, and what of them. */
export interface RefsQuery {
  /** Names begin with one of these; none asks for all. The server may tell more. */
  readonly prefixes?: readonly string[] | undefined;
}

/** A ref of a remote repository. */
export interface RemoteRef {
  readonly name: string;
  /** Absent for a HEAD whose branch does not exist yet. */
  readonly oid: Oid | undefined;
  /** What it points to by name. */
  readonly symrefTarget?: string | undefined;
  /** The object behind an annotated tag. */
  readonly peeled?: Oid | undefined;
}

/** The arguments of `ls-refs` (gitprotocol-v2, "ls-refs"). */
export function refsArguments(query: RefsQuery, features: ReadonlySet<string>): string[] {
  return [
    "peel",
    "symrefs",
    ...(features.has("unborn") ? ["unborn"] : []),
    ...(query.prefixes ?? []).map((prefix) => `ref-prefix ${prefix}`),
  ];
}

/**
 * Reads an answer to `ls-refs`, line by line. Refs whose names break git's rules are left out and told of.
 * @throws `PROTOCOL_LIMIT_EXCEEDED` behind `maxRefs` refs, and as `readPacket`.
 */
export async function* readRefs(
  answer: Answer,
  format: ObjectFormat,
  maxRefs: number,
): AsyncGenerator<RemoteRef, void, undefined> {
  for (let count = 0; ; count++) {
    const { text } = await readLine(answer, "flush");
    if (text === undefined) return;
    if (count >= maxRefs) {
      throw new ProtocolError("PROTOCOL_LIMIT_EXCEEDED", `the server has more than ${maxRefs} refs`);
    }
    const ref = parseRef(text, format);
    if (isRefName(ref.name) && (ref.symrefTarget === undefined || isRefName(ref.symrefTarget))) yield ref;
    else event("client.ref_rejected", { ref_count: 1 }, { ref: printable(ref.name.slice(0, 200)) });
  }
}

function parseRef(text: string, format: ObjectFormat): RemoteRef {
  const [id = "", name = "", ...attributes] = text.split(" ");
  const oid = parseOid(id, format);
  if (name === "" || (oid === undefined && id !== "unborn")) throw badAnswer("a line that tells of no ref");
  let symrefTarget: string | undefined;
  let peeled: Oid | undefined;
  for (const attribute of attributes) {
    if (attribute.startsWith("symref-target:")) symrefTarget = attribute.slice("symref-target:".length);
    else if (attribute.startsWith("peeled:")) {
      peeled = parseOid(attribute.slice("peeled:".length), format);
      if (peeled === undefined) throw badAnswer("a peeled id that is none");
    }
  }
  return { name, oid, symrefTarget, peeled };
}

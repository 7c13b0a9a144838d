import type { ObjectFormat, Oid } from "@millrace/pack";
import { ProtocolError } from "../errors.ts";
import { parseOid, zeroOid } from "../object-id.ts";
import { printable } from "../printable.ts";
import { badAnswer, readLine } from "./answer-packets.ts";
import { isRefName } from "./ref-name.ts";
import type { Answer } from "./transport.ts";

/** What a server says before it takes a push (gitprotocol-pack, "Reference Discovery"). */
export interface PushAdvertisement {
  readonly refs: ReadonlyMap<string, Oid>;
  /** Objects that it has beside its refs, those of repositories it borrows from. */
  readonly haves: readonly Oid[];
  /** Commits whose parents it lacks. */
  readonly shallow: readonly Oid[];
  readonly objectFormat: ObjectFormat;
  /** `report-status`, `atomic`, …. */
  readonly features: ReadonlySet<string>;
}

/**
 * Reads what `git-receive-pack` says first, in the form of version 0 or 1.
 * @throws `PROTOCOL_LIMIT_EXCEEDED` behind `maxRefs` lines, `PROTOCOL_OBJECT_FORMAT`, and as `readPacket`.
 */
export async function readPushAdvertisement(answer: Answer, maxRefs: number): Promise<PushAdvertisement> {
  const refs = new Map<string, Oid>();
  const haves: Oid[] = [];
  const shallow: Oid[] = [];
  const lines = await readLines(answer, maxRefs);
  const features = new Set((lines[0]?.split("\0")[1] ?? "").split(" ").filter(Boolean));
  const objectFormat = formatOf(features);
  for (const line of lines) {
    const [text = ""] = line.split("\0");
    const isShallow = text.startsWith("shallow ");
    const [id = "", name = ""] = isShallow ? [text.slice("shallow ".length)] : text.split(" ");
    const oid = parseOid(id, objectFormat);
    if (oid === undefined) throw badAnswer("a ref without an id");
    if (isShallow) shallow.push(oid);
    else if (name === ".have") haves.push(oid);
    else if (name !== "capabilities^{}" && oid !== zeroOid(objectFormat) && isRefName(name))
      refs.set(name, oid);
  }
  return { refs, haves, shallow, objectFormat, features };
}

async function readLines(answer: Answer, maxRefs: number): Promise<string[]> {
  let { text } = await readLine(answer, "flush");
  if (text?.startsWith("# service=") === true) {
    await readLine(answer, "flush");
    ({ text } = await readLine(answer, "flush"));
  }
  if (text === "version 1") ({ text } = await readLine(answer, "flush"));
  const lines: string[] = [];
  for (; text !== undefined; { text } = await readLine(answer, "flush")) {
    if (lines.length > maxRefs) {
      throw new ProtocolError("PROTOCOL_LIMIT_EXCEEDED", `the server has more than ${maxRefs} refs`);
    }
    lines.push(text);
  }
  return lines;
}

function formatOf(features: ReadonlySet<string>): ObjectFormat {
  const told = [...features].find((feature) => feature.startsWith("object-format="));
  const format = told?.slice("object-format=".length) ?? "sha1";
  if (format === "sha1" || format === "sha256") return format;
  throw new ProtocolError("PROTOCOL_OBJECT_FORMAT", `unknown object format ${printable(format)}`);
}

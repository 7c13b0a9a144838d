import type { ObjectFormat, Oid } from "@millrace/pack";
import { parseOid } from "../object-id.ts";
import { badAnswer, readLine } from "./answer-packets.ts";
import type { Answer } from "./transport.ts";

/**
 * Reads an answer to `object-info` (gitprotocol-v2, "object-info"): the sizes of those objects that the server has.
 * @throws as `readPacket`.
 */
export async function readObjectSizes(
  answer: Answer,
  format: ObjectFormat,
  asked: ReadonlySet<Oid>,
): Promise<Map<Oid, number>> {
  const sizes = new Map<Oid, number>();
  const head = await readLine(answer, "flush");
  if (head.text === undefined) return sizes;
  if (head.text !== "size") throw badAnswer("object-info of something else than sizes");
  for (;;) {
    const { text } = await readLine(answer, "flush");
    if (text === undefined) return sizes;
    const [id = "", size = ""] = text.split(" ");
    const oid = parseOid(id, format);
    if (oid === undefined || !asked.has(oid)) throw badAnswer("the size of what was not asked for");
    if (size === "") continue;
    if (!/^\d{1,15}$/.test(size)) throw badAnswer("a size that is no number");
    sizes.set(oid, Number(size));
  }
}

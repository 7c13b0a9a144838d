import { isOid, type ObjectFormat } from "@millrace/pack";
import { checkRefName } from "../ref-name.ts";
import type { StoredRef } from "../ref-plan.ts";

/** What a ref's file says; `broken` where it makes no sense. */
export type RawRef = StoredRef | "broken";

/** Parses the content of a ref's file (gitrepository-layout, "refs", "HEAD"). */
export function parseLooseRef(text: string, format: ObjectFormat): RawRef {
  const symbolic = /^ref:\s*(.*?)\s*$/s.exec(text);
  if (symbolic !== null) return symbolicRef(symbolic[1] as string);
  const digits = format === "sha1" ? 40 : 64;
  const oid = text.slice(0, digits).toLowerCase();
  if (!isOid(oid, format) || /^0+$/.test(oid)) return "broken";
  return text.length === digits || /\s/.test(text[digits] as string) ? { oid } : "broken";
}

/** A symbolic ref to this name, if it can be one's target. */
export function symbolicRef(target: string): RawRef {
  return target.startsWith("refs/") && checkRefName(target) ? { symref: target } : "broken";
}

/** The content of a ref's file, as git writes it. */
export function encodeLooseRef(ref: StoredRef): string {
  return ref.symref === undefined ? `${ref.oid}\n` : `ref: ${ref.symref}\n`;
}

import { readFile, readlink } from "node:fs/promises";
import { type ObjectFormat, isOid } from "@millrace/pack";
import { checkRefName, type StoredRef } from "@millrace/storage";
import { errnoOf } from "../files/fault.ts";

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

function symbolicRef(target: string): RawRef {
  return target.startsWith("refs/") && checkRefName(target) ? { symref: target } : "broken";
}

/** Reads a ref's file; `undefined` where there is none. */
export async function readLooseRef(path: string, format: ObjectFormat): Promise<RawRef | undefined> {
  try {
    return parseLooseRef(await readFile(path, "utf8"), format);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR" || code === "ENAMETOOLONG")
      return undefined;
    if (code === "ELOOP") return "broken";
    throw error;
  }
}

/** A symbolic link in place of a symbolic ref, as old gits made them; `undefined` for everything else. */
export async function readSymbolicLink(path: string): Promise<RawRef | undefined> {
  try {
    const target = await readlink(path);
    return target.startsWith("refs/") ? symbolicRef(target) : undefined;
  } catch {
    return undefined;
  }
}

import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type ObjectFormat, isOid } from "@millrace/pack";
import { checkRefName, type PackedRef, SYMREF_DEPTH, type StoredRef } from "@millrace/storage";
import { errnoOf, ifPresent } from "../files/fault.ts";
import { type FsRepository, readPackedRefs } from "../fs-repository.ts";

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

/** What HEAD says. */
export async function readRawHead(repository: FsRepository): Promise<RawRef | undefined> {
  const path = join(repository.place.gitDir, "HEAD");
  return (await readSymbolicLink(path)) ?? (await readLooseRef(path, repository.objectFormat));
}

/** A ref where it lies: loose, else packed. Loose first, since git packs a ref before it removes the loose file. */
export interface FoundRef {
  readonly raw: RawRef;
  readonly packed?: PackedRef | undefined;
}

/** One ref as it is stored; the name must be valid. */
export async function readRawRef(repository: FsRepository, name: string): Promise<FoundRef | undefined> {
  const path = join(repository.place.commonDir, name);
  const loose = (await readLooseRef(path, repository.objectFormat)) ?? (await readSymbolicLink(path));
  if (loose !== undefined) return { raw: loose };
  const packed = (await ifPresent(readPackedRefs(repository)))?.find(name);
  return packed === undefined ? undefined : { raw: { oid: packed.oid }, packed };
}

/** Where symbolic refs lead. */
export interface Resolution {
  /** The last name on the way. */
  readonly target: string;
  /** `undefined`: there is no such ref. */
  readonly found: FoundRef | undefined;
}

/** Follows symbolic refs from what one of them says; `undefined` where they turn in a circle. */
export async function followSymref(
  repository: FsRepository,
  name: string,
  start: FoundRef | undefined,
): Promise<Resolution | undefined> {
  let target = name;
  let found = start;
  for (let depth = 0; depth <= SYMREF_DEPTH; depth++) {
    if (found === undefined || found.raw === "broken" || found.raw.symref === undefined)
      return { target, found };
    target = found.raw.symref;
    found = await readRawRef(repository, target);
  }
  return undefined;
}

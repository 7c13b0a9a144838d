import { readFile, readlink } from "node:fs/promises";
import type { ObjectFormat } from "@millrace/pack";
import { parseLooseRef, type RawRef, symbolicRef } from "@millrace/storage";
import { errnoOf } from "../files/fault.ts";

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

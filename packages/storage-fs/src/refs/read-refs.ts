import { type Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { PackedRefs } from "@millrace/storage";
import { ifPresent } from "../files/fault.ts";
import { inBatches } from "../files/in-batches.ts";
import { type FsRepository, readPackedRefs } from "../fs-repository.ts";
import { refPath } from "../place.ts";
import { type FoundRef, readLoose } from "./loose-ref.ts";
import type { RawRef } from "@millrace/storage";

/** From this many refs in one directory on, it is listed first, so that absent refs need no look of their own. */
const LISTED_FROM = 64;

/** What some refs are, read together. */
export interface RefsRead {
  /** One of the refs asked for, loose or packed. */
  find(name: string): FoundRef | undefined;
  /** Whether it has a file of its own. */
  isLoose(name: string): boolean;
  /** `packed-refs`, read behind the loose refs. */
  readonly packed: PackedRefs | undefined;
}

/** Reads refs by their full names: all loose ones, then `packed-refs` once, so that one which git packs meanwhile is met. */
export async function readRefs(repository: FsRepository, names: readonly string[]): Promise<RefsRead> {
  const loose = new Map<string, RawRef>();
  await inBatches(await withoutAbsent(repository, names), async (name) => {
    const raw = await readLoose(repository, name);
    if (raw !== undefined) loose.set(name, raw);
  });
  const packed = loose.size === names.length ? undefined : await ifPresent(readPackedRefs(repository));
  return {
    packed,
    isLoose: (name) => loose.has(name),
    find(name) {
      const raw = loose.get(name);
      if (raw !== undefined) return { raw };
      const found = packed?.find(name);
      return found === undefined ? undefined : { raw: { oid: found.oid }, packed: found };
    },
  };
}

/** The refs that may have a file: directories of which many are asked for are listed. */
async function withoutAbsent(repository: FsRepository, names: readonly string[]): Promise<readonly string[]> {
  if (names.length < LISTED_FROM) return names;
  const byDirectory = new Map<string, string[]>();
  for (const name of names) {
    const directory = dirname(refPath(repository.place, name));
    const same = byDirectory.get(directory);
    if (same === undefined) byDirectory.set(directory, [name]);
    else same.push(name);
  }
  const left: string[] = [];
  for (const [directory, inside] of byDirectory) {
    if (inside.length < LISTED_FROM) {
      left.push(...inside);
      continue;
    }
    const entries: readonly Dirent[] = (await ifPresent(readdir(directory, { withFileTypes: true }))) ?? [];
    const files = new Set(entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name));
    for (const name of inside) if (files.has(name.slice(name.lastIndexOf("/") + 1))) left.push(name);
  }
  return left;
}

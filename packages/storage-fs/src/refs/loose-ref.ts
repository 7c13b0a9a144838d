import { type PackedRef, SYMREF_DEPTH } from "@millrace/storage";
import { ifPresent } from "../files/fault.ts";
import { type FsRepository, readPackedRefs } from "../fs-repository.ts";
import { refPath } from "../place.ts";
import { readStackRef } from "../tables/read-stack.ts";
import type { RawRef } from "@millrace/storage";
import { readLooseRef, readSymbolicLink } from "./ref-file.ts";

/** What HEAD says. */
export async function readRawHead(repository: FsRepository): Promise<RawRef | undefined> {
  if (repository.refFormat === "reftable") return (await readStackRef(repository, "HEAD"))?.raw;
  const path = refPath(repository.place, "HEAD");
  return repository.looseRefs.read(
    path,
    async () => (await readSymbolicLink(path)) ?? (await readLooseRef(path, repository.objectFormat)),
  );
}

/** What a ref's own file says; `undefined` where it has none. */
export async function readLoose(repository: FsRepository, name: string): Promise<RawRef | undefined> {
  const path = refPath(repository.place, name);
  return repository.looseRefs.read(
    path,
    async () => (await readLooseRef(path, repository.objectFormat)) ?? (await readSymbolicLink(path)),
  );
}

/** A ref where it lies: loose, else packed. Loose first, since git packs a ref before it removes the loose file. */
export interface FoundRef {
  readonly raw: RawRef;
  readonly packed?: PackedRef | undefined;
}

/** One ref as it is stored; the name must be valid. */
export async function readRawRef(repository: FsRepository, name: string): Promise<FoundRef | undefined> {
  if (repository.refFormat === "reftable") return readStackRef(repository, name);
  const loose = await readLoose(repository, name);
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

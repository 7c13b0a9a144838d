import type { ObjectFormat } from "@millrace/pack";
import {
  type ConfigEntry,
  encodeConfig,
  encodeLooseRef,
  encodePackedRefs,
  encodeShallow,
  type PackedRef,
  type StoredRef,
  StorageError,
} from "@millrace/storage";
import type { BarePlace } from "./bare-repository.ts";
import type { Claim } from "./claim.ts";
import { inParallel } from "../in-parallel.ts";
import { replaceFile } from "./swap-file.ts";

/** What a new repository is to be. */
export interface NewBareRepository {
  readonly objectFormat: ObjectFormat;
  readonly head: string;
  readonly config: readonly ConfigEntry[];
}

/** What it has from the start. */
export interface FirstContent {
  readonly refs: ReadonlyMap<string, StoredRef>;
  readonly shallow: readonly string[];
}

/** Where a repository begins with more refs, they are lines of `packed-refs`. */
const LOOSE_REFS = 64;

/**
 * Writes a repository under a claimed name; `HEAD` comes last, and with it all the rest can be seen. The files that git
 * looks for in a repository are there, so that a copy on a disk is one. Throws `STORAGE_IO` where the claim was lost.
 */
export async function makeRepository(
  place: BarePlace,
  base: string,
  claim: Claim,
  made: NewBareRepository,
  { refs, shallow }: FirstContent,
): Promise<void> {
  const put = (name: string, content: string | Uint8Array): Promise<unknown> =>
    place.bucket.put("ref", base + name, Buffer.from(content));
  const head = refs.get("HEAD")?.symref ?? made.head;
  const loose: [string, StoredRef][] = [];
  const packed: PackedRef[] = [];
  for (const [name, ref] of refs) {
    if (name === "HEAD") continue;
    // A copy without a file below `refs/` has no such folder, and is no repository to git.
    if (ref.symref !== undefined || refs.size <= LOOSE_REFS || name === head) loose.push([name, ref]);
    else packed.push({ name, oid: ref.oid });
  }
  await Promise.all([
    put("config", configOf(made)),
    put("description", DESCRIPTION),
    shallow.length > 0 ? put("shallow", encodeShallow(shallow)) : undefined,
    packed.length > 0 ? put("packed-refs", encodePackedRefs(packed)) : undefined,
    inParallel(loose, place.settings.listRefsConcurrency, ([name, ref]) => put(name, encodeLooseRef(ref))),
  ]);
  if ((await replaceFile(place, `${base}HEAD`, `ref: ${head}\n`, claim.etag)) === "lost") {
    throw new StorageError("STORAGE_IO", `${base}HEAD: somebody else has made it meanwhile: try again`, {
      key: `${base}HEAD`,
    });
  }
}

const DESCRIPTION = "Unnamed repository; edit this file 'description' to name the repository.\n";

function configOf({ objectFormat, config }: NewBareRepository): string {
  const isOld = objectFormat === "sha1";
  const lines = [
    "[core]",
    `\trepositoryformatversion = ${isOld ? 0 : 1}`,
    "\tfilemode = true",
    "\tbare = true",
  ];
  if (!isOld) lines.push("[extensions]", `\tobjectformat = ${objectFormat}`);
  return `${lines.join("\n")}\n${encodeConfig(config)}`;
}

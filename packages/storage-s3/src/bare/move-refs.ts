import { encodeLooseRef, openPackedRefs, type StoredRef } from "@millrace/storage";
import type { BarePlace, BareRepository } from "./bare-repository.ts";
import { inParallel } from "../in-parallel.ts";
import type { RefListing } from "./list-refs.ts";
import { removeFile, replaceFile } from "./swap-file.ts";

/** Where refs are moved, and what was seen of them before. */
export interface RefMoves {
  readonly place: BarePlace;
  readonly repository: BareRepository;
  readonly listing: RefListing;
}

/**
 * Moves one ref by its own compare-and-swap; `false` where another writer was first. A ref that so far is a line of
 * `packed-refs` gets a file, and counts only if the line is still there then: else somebody has deleted it meanwhile.
 */
export async function moveRef(
  { place, repository, listing }: RefMoves,
  name: string,
  ref: StoredRef,
): Promise<boolean> {
  const { base, packed } = repository;
  const key = base + name;
  const text = encodeLooseRef(ref);
  const seen = listing.etagOf(name);
  const written = await replaceFile(place, key, text, seen);
  if (written === "lost") return false;
  const line = seen === undefined ? listing.packed?.value.find(name) : undefined;
  if (line !== undefined) {
    const now = await packed.look(`${base}packed-refs`);
    if (now?.value.find(name)?.oid !== line.oid) {
      if (place.mayDelete) await removeFile(place, key, written.etag);
      return false;
    }
  }
  place.texts.set(key, { value: text, etag: written.etag });
  return true;
}

/**
 * Deletes refs, each by its own compare-and-swap, and answers those that another writer has moved. First each gets a file
 * of its own, so that whoever moves it meets this deletion; then their lines go, and at last the files.
 */
export async function deleteRefs(moves: RefMoves, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { place, repository, listing } = moves;
  const { base } = repository;
  const lost = new Set<string>();
  const files = new Map<string, string>();
  const lines: string[] = [];
  const atOnce = place.settings.listRefsConcurrency;
  await inParallel(names, atOnce, async (name) => {
    const line = listing.packed?.value.find(name);
    if (line !== undefined) lines.push(name);
    const seen = listing.etagOf(name);
    if (seen !== undefined) files.set(name, seen);
    else if (line !== undefined) {
      const written = await replaceFile(place, base + name, encodeLooseRef({ oid: line.oid }), undefined);
      if (written === "lost") lost.add(name);
      else files.set(name, written.etag);
    }
  });
  await dropLines(
    place,
    repository,
    lines.filter((name) => !lost.has(name)),
  );
  await inParallel([...files], atOnce, async ([name, etag]) => {
    if ((await removeFile(place, base + name, etag)) === "lost") lost.add(name);
  });
  return lost;
}

/** Takes lines out of `packed-refs`, whatever else others do to it meanwhile. */
async function dropLines(
  place: BarePlace,
  { base, packed, objectFormat }: BareRepository,
  names: readonly string[],
): Promise<void> {
  const key = `${base}packed-refs`;
  while (names.length > 0) {
    const now = await packed.look(key);
    const rest = now?.value.without(names);
    if (now === undefined || rest === undefined) return;
    const written = await replaceFile(place, key, rest, now.etag);
    if (written === "lost") continue;
    packed.set(key, { value: openPackedRefs(rest, objectFormat), etag: written.etag });
    return;
  }
}

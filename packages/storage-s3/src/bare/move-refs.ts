import { encodeLooseRef, openPackedRefs, type StoredRef } from "@millrace/storage";
import type { BarePlace, BareRepository } from "./bare-repository.ts";
import { inParallel } from "../in-parallel.ts";
import type { RefListing } from "./list-refs.ts";
import { replaceFile } from "./swap-file.ts";
import { buryRef, isTended, removeTombstone, type Tombstone } from "./tombstone.ts";

/** Where refs are moved, and what was seen of them before. */
export interface RefMoves {
  readonly place: BarePlace;
  readonly repository: BareRepository;
  readonly listing: RefListing;
}

/**
 * Moves one ref by its own compare-and-swap; `false` where another writer was first, or is about to delete it. A ref that
 * so far is a line of `packed-refs` gets a file, and counts only if the line is still there then: else somebody has
 * deleted it meanwhile.
 */
export async function moveRef(
  { place, repository, listing }: RefMoves,
  name: string,
  ref: StoredRef,
): Promise<boolean> {
  const { base, packed, objectFormat } = repository;
  const key = base + name;
  const text = encodeLooseRef(ref);
  const tombstone = listing.tombstoneOf(name);
  if (tombstone !== undefined && isTended(place, tombstone)) return false;
  const seen = listing.etagOf(name) ?? tombstone?.etag;
  const written = await replaceFile(place, key, text, seen);
  if (written === "lost") return false;
  const line = seen === undefined ? listing.packed?.value.find(name) : undefined;
  if (line !== undefined) {
    const now = await packed.look(`${base}packed-refs`);
    if (now?.value.find(name)?.oid !== line.oid) {
      const buried = place.mayDelete ? await buryRef(place, key, objectFormat, written.etag) : "lost";
      if (buried !== "lost") await removeTombstone(place, key, objectFormat, buried);
      return false;
    }
  }
  place.texts.set(key, { value: text, etag: written.etag });
  return true;
}

/**
 * Deletes refs, each by its own compare-and-swap, and answers those that another writer has moved. First each gets a
 * tombstone, so that whoever moves it meets this deletion; then their lines go, and at last the tombstones.
 */
export async function deleteRefs(moves: RefMoves, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { place, repository, listing } = moves;
  const { base, objectFormat } = repository;
  const lost = new Set<string>();
  const buried = new Map<string, Tombstone>();
  const atOnce = place.settings.listRefsConcurrency;
  await inParallel(names, atOnce, async (name) => {
    const tombstone = await buryRef(place, base + name, objectFormat, listing.etagOf(name));
    if (tombstone === "lost") lost.add(name);
    else buried.set(name, tombstone);
  });
  const lines = [...buried.keys()].filter((name) => listing.packed?.value.find(name) !== undefined);
  await dropLines(place, repository, lines);
  await inParallel([...buried], atOnce, ([name, tombstone]) =>
    removeTombstone(place, base + name, objectFormat, tombstone),
  );
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

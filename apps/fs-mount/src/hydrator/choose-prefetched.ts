import type { Oid } from "@millrace/pack";
import type { PrefetchedFile } from "./blobs.ts";
import { priorityOf } from "./priority.ts";

/** A file that is worth fetching ahead. */
export interface ChosenFile {
  readonly oid: Oid;
  readonly priority: number;
}

/** Files that are asked about, for each one that is chosen: a directory may have a million. */
const ASKED_SHARE = 4;

/** The files of a directory that are fetched ahead: those likely to be read first, by name among equals, `maxCount` at most. */
export function choosePrefetched(
  files: readonly PrefetchedFile[],
  maxCount: number,
  isWanted: (oid: Oid) => boolean,
): readonly ChosenFile[] {
  const ranked = files
    .map(({ oid, name }) => ({ oid, name, priority: priorityOf(name) }))
    .sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
  const chosen = new Map<Oid, ChosenFile>();
  for (const { oid, priority } of ranked.slice(0, ASKED_SHARE * maxCount)) {
    if (chosen.size === maxCount) break;
    if (!chosen.has(oid) && isWanted(oid)) chosen.set(oid, { oid, priority });
  }
  return [...chosen.values()];
}

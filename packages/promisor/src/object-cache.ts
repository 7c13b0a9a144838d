import type { Oid } from "@millrace/pack";
import { emptyOidMap, type OidMap } from "./map/oid-map.ts";
import { emptyQueue, type Queue } from "./map/queue.ts";
import type { FetchedObject, GitObject } from "./source/object-source.ts";

/** Objects that are here, as a value: adding and dropping make new ones that share nearly everything. */
export interface ObjectCache {
  readonly objects: OidMap<GitObject>;
  /** Bytes of all contents. */
  readonly bytes: number;
  /** Commits in the order they came; some may have gone already. */
  readonly commits: Queue<Oid>;
}

/** A cache without objects. */
export const EMPTY_CACHE: ObjectCache = { objects: emptyOidMap(), bytes: 0, commits: emptyQueue() };

/** The cache with these objects; those it has stay as they are. */
export function addObjects(cache: ObjectCache, found: Iterable<FetchedObject>): ObjectCache {
  const fresh = new Map<Oid, GitObject>();
  let { bytes, commits } = cache;
  for (const { oid, type, content } of found) {
    if (fresh.has(oid) || cache.objects.get(oid) !== undefined) continue;
    fresh.set(oid, { type, content });
    bytes += content.length;
    if (type === "commit") commits = commits.with(oid);
  }
  return fresh.size === 0 ? cache : { objects: cache.objects.with(fresh), bytes, commits };
}

/** The cache without these objects. */
export function dropObjects(cache: ObjectCache, oids: Iterable<Oid>): ObjectCache {
  const gone = new Set<Oid>();
  let { bytes } = cache;
  for (const oid of oids) {
    const object = cache.objects.get(oid);
    if (object === undefined || gone.has(oid)) continue;
    gone.add(oid);
    bytes -= object.content.length;
  }
  return { ...cache, objects: cache.objects.without(gone), bytes };
}

/** The cache without its oldest commits, as many as it takes to come down to `maxBytes`, or all of them. */
export function dropCommits(cache: ObjectCache, maxBytes: number): ObjectCache {
  const gone: Oid[] = [];
  let { bytes, commits } = cache;
  while (bytes > maxBytes) {
    const oldest = commits.take();
    if (oldest === undefined) break;
    commits = oldest.rest;
    const commit = cache.objects.get(oldest.item);
    if (commit === undefined) continue;
    gone.push(oldest.item);
    bytes -= commit.content.length;
  }
  return { objects: cache.objects.without(gone), bytes, commits };
}

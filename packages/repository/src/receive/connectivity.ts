import {
  type Oid,
  isGitlinkMode,
  isTreeMode,
  oidFromBytes,
  oidToBytes,
  readCommitLinks,
  walkTree,
} from "@millrace/pack";
import type { ObjectReader } from "../objects/object-view.ts";
import { createBreather } from "../breather.ts";
import { isMissingObject } from "../walk/commit-graph.ts";
import { enumerateObjects } from "../walk/enumerate.ts";
import type { ExternalLinks } from "./external-links.ts";

/** What a connectivity check knows of the repository. */
export interface ConnectedBase {
  readonly reader: ObjectReader;
  /** Ids of all refs: whatever they reach is there. */
  readonly tips: ReadonlySet<Oid>;
  /** Commits whose parents are not asked for. */
  readonly shallow?: readonly Oid[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Whether everything that a pushed pack refers to, and does not bring, is in the repository with all that it reaches.
 *
 * Most pushes are proved cheaply: their foreign parents are ref tips, and their foreign trees and blobs stand in those
 * parents' trees, of which only the changed paths are opened. What is left is walked as git walks it.
 */
export async function linksAreConnected(links: ExternalLinks, base: ConnectedBase): Promise<boolean> {
  const foreignCommits = links.commits.filter((oid) => !base.tips.has(oid));
  const boundary = links.commits.filter((oid) => base.tips.has(oid));
  const rest = new Set(links.others.filter((oid) => !base.tips.has(oid)));
  await crossOutTreesOf(boundary, rest, base);
  return isConnected([...foreignCommits, ...rest], base.reader, base);
}

/** An object that something refers to and that is not there. */
export interface MissingLink {
  readonly oid: Oid;
  /** Whether the walk could not go on without it; else it was looked for at the end, as blobs are. */
  readonly stopsWalk: boolean;
}

/** Whether these objects and all that they reach, down to what the refs reach, are there. */
export async function isConnected(
  wants: readonly Oid[],
  reader: ObjectReader,
  base: ConnectedBase,
): Promise<boolean> {
  return (await findMissing(wants, reader, base)) === undefined;
}

/** Git's own connectivity check: the first object of all that these reach, down to what the refs reach, that is not there. */
export async function findMissing(
  wants: readonly Oid[],
  reader: ObjectReader,
  base: ConnectedBase,
): Promise<MissingLink | undefined> {
  if (wants.length === 0) return undefined;
  const breather = createBreather(base.signal);
  const { shallow, signal } = base;
  try {
    const haves = [...base.tips];
    const { table, numbers } = await enumerateObjects(reader, { wants, haves, shallow, signal });
    for (const number of numbers) {
      if (number < table.nodeCount) continue;
      await breather.step();
      if (!(await reader.has(table.bytesAt(number)))) return { oid: table.oidAt(number), stopsWalk: false };
    }
    return undefined;
  } catch (error) {
    if (isMissingObject(error)) return { oid: error.oid as Oid, stopsWalk: true };
    throw error;
  }
}

/**
 * Removes from `rest` what stands in the trees of connected commits. Trees that are in `rest` themselves need no
 * opening (they are proved with all below them), so the work follows the paths that the push has changed.
 */
async function crossOutTreesOf(commits: readonly Oid[], rest: Set<Oid>, base: ConnectedBase): Promise<void> {
  const { reader } = base;
  const breather = createBreather(base.signal);
  const done = new Set<Oid>();
  let level: Oid[] = [];
  for (const oid of commits) {
    const { type, content } = await reader.read(oidToBytes(oid));
    if (type === "commit") level.push(readCommitLinks(content, reader.format).tree);
  }
  while (level.length > 0 && rest.size > 0) {
    const next: Oid[] = [];
    for (const oid of level) {
      await breather.step();
      if (done.has(oid)) continue;
      done.add(oid);
      if (rest.delete(oid)) continue;
      const { content } = await reader.read(oidToBytes(oid));
      walkTree(content, reader.format, (mode, oidOffset) => {
        if (isGitlinkMode(mode)) return;
        const child = oidFromBytes(content, oidOffset, reader.format);
        if (rest.delete(child)) done.add(child);
        else if (isTreeMode(mode) && !done.has(child)) next.push(child);
      });
    }
    level = next;
  }
}

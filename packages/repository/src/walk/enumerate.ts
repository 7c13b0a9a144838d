import { type Oid, oidToBytes, readTagTarget } from "@millrace/pack";
import { RepositoryError } from "../errors.ts";
import type { OidTable } from "../objects/oid-table.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import { createBreather } from "./breather.ts";
import { CommitGraph } from "./commit-graph.ts";
import { findCommitRange } from "./commit-range.ts";
import { ObjectMarks, SEEN, UNINTERESTING } from "./object-marks.ts";
import { TreeWalk } from "./tree-walk.ts";

export interface EnumerateOptions {
  readonly wants: readonly Oid[];
  /** Objects that the other side has, with all that they reach. */
  readonly haves: readonly Oid[];
  readonly signal?: AbortSignal | undefined;
  /** Told now and then how many objects were found. */
  readonly onProgress?: ((objects: number) => void) | undefined;
}

/** Objects as numbers of a table. */
export interface ObjectSelection {
  readonly table: OidTable;
  /** Each object once: tags, commits newest first, then trees and blobs. */
  readonly numbers: readonly number[];
  readonly marks: ObjectMarks;
}

interface Tips {
  readonly tags: number[];
  readonly commits: number[];
  readonly trees: number[];
  readonly blobs: number[];
}

/**
 * Finds every object that is reachable from the wants and not from the haves, as `git rev-list --objects wants --not haves`.
 * Throws `REPOSITORY_OBJECT_MISSING` where a wanted commit, tree or tag is not there; blobs are not looked at.
 */
export async function enumerateObjects(
  reader: ObjectReader,
  options: EnumerateOptions,
): Promise<ObjectSelection> {
  const marks = new ObjectMarks(reader.format);
  const breather = createBreather(options.signal);
  const graph = new CommitGraph(reader, marks);
  const trees = new TreeWalk(reader, marks, breather);

  const haves = await peelTips(reader, marks, options.haves);
  for (const number of [...haves.tags, ...haves.blobs]) marks.set(number, UNINTERESTING);
  for (const tree of haves.trees) await trees.exclude(tree);

  const wants = await peelTips(reader, marks, options.wants);
  const range = await findCommitRange(graph, marks, wants.commits, haves.commits, breather);
  for (const edge of range.edges) {
    const node = graph.loaded(edge);
    if (node !== undefined) await trees.exclude(node.tree);
  }

  const numbers: number[] = [];
  const take = (number: number): void => {
    if (marks.has(number, UNINTERESTING)) return;
    marks.set(number, SEEN);
    numbers.push(number);
  };
  for (const tag of wants.tags) take(tag);
  for (const commit of range.commits) numbers.push(commit);
  for (const blob of wants.blobs) take(blob);
  for (const tree of wants.trees) await trees.collect(tree, numbers);
  for (const commit of range.commits) {
    const node = graph.loaded(commit);
    if (node !== undefined) await trees.collect(node.tree, numbers);
    options.onProgress?.(numbers.length);
  }
  return { table: marks.table, numbers, marks };
}

/** Sorts tips by type and follows tags to what they point to; every tag on the way counts as a tip. */
async function peelTips(reader: ObjectReader, marks: ObjectMarks, oids: readonly Oid[]): Promise<Tips> {
  const tips: Tips = { tags: [], commits: [], trees: [], blobs: [] };
  const met = new Set<Oid>();
  for (const start of oids) {
    for (let oid: Oid | undefined = start; oid !== undefined && !met.has(oid); ) {
      met.add(oid);
      const bytes = oidToBytes(oid);
      const number = marks.number(bytes);
      const info = await reader.info(bytes);
      if (info === undefined) {
        throw new RepositoryError("REPOSITORY_OBJECT_MISSING", `object ${oid} is missing`, { oid });
      }
      oid = undefined;
      if (info.type === "commit") tips.commits.push(number);
      else if (info.type === "tree") tips.trees.push(number);
      else if (info.type === "blob") tips.blobs.push(number);
      else {
        tips.tags.push(number);
        oid = readTagTarget((await reader.read(bytes)).content, reader.format).oid;
      }
    }
  }
  return tips;
}

import type { ObjectFilter } from "@millrace/pack";
import type { SparsePatterns } from "./sparse-patterns.ts";

/** What a filter lets pass, all its parts taken together: an object is sent where every rule allows it at one place. */
export interface FilterPlan {
  readonly tags: boolean;
  readonly commits: boolean;
  readonly trees: boolean;
  readonly blobs: boolean;
  /** Only blobs smaller than this many bytes. */
  readonly blobBytesBelow: number;
  /** Only trees and blobs less deep than this; root trees have depth 0. */
  readonly depthBelow: number;
  /** Only blobs that all of these take in. */
  readonly patterns: readonly SparsePatterns[];
}

/** The plan that leaves nothing out. */
export const EVERYTHING: FilterPlan = {
  tags: true,
  commits: true,
  trees: true,
  blobs: true,
  blobBytesBelow: Number.POSITIVE_INFINITY,
  depthBelow: Number.POSITIVE_INFINITY,
  patterns: [],
};

/**
 * Makes one plan of a filter (git-rev-list, `--filter`). `loadPatterns` reads the blob that a `sparse:oid` names;
 * what it throws passes.
 */
export async function planFilter(
  filter: ObjectFilter,
  loadPatterns: (blob: string) => Promise<SparsePatterns>,
): Promise<FilterPlan> {
  switch (filter.kind) {
    case "blob:none":
      return { ...EVERYTHING, blobs: false };
    case "blob:limit":
      return { ...EVERYTHING, blobs: filter.bytes > 0, blobBytesBelow: filter.bytes };
    case "tree":
      return { ...EVERYTHING, depthBelow: filter.depth };
    case "object:type":
      return {
        ...EVERYTHING,
        tags: filter.type === "tag",
        commits: filter.type === "commit",
        trees: filter.type === "tree",
        blobs: filter.type === "blob",
      };
    case "sparse:oid":
      return { ...EVERYTHING, patterns: [await loadPatterns(filter.blob)] };
    default: {
      let plan = EVERYTHING;
      for (const part of filter.filters) plan = both(plan, await planFilter(part, loadPatterns));
      return plan;
    }
  }
}

function both(a: FilterPlan, b: FilterPlan): FilterPlan {
  return {
    tags: a.tags && b.tags,
    commits: a.commits && b.commits,
    trees: a.trees && b.trees,
    blobs: a.blobs && b.blobs,
    blobBytesBelow: Math.min(a.blobBytesBelow, b.blobBytesBelow),
    depthBelow: Math.min(a.depthBelow, b.depthBelow),
    patterns: [...a.patterns, ...b.patterns],
  };
}

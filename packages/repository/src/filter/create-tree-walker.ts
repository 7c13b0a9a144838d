import type { ObjectReader } from "../objects/object-view.ts";
import type { Breather } from "../breather.ts";
import type { ObjectMarks } from "../walk/object-marks.ts";
import { TreeWalk } from "../walk/tree-walk.ts";
import type { TreeWalker } from "../walk/tree-walker.ts";
import { DepthTreeWalk } from "./depth-tree-walk.ts";
import type { FilterPlan } from "./filter-plan.ts";
import { PlacedTreeWalk } from "./placed-tree-walk.ts";
import { createSparsePlaces } from "./sparse-places.ts";

/** The cheapest walk that finds what a plan asks for; `undefined` where it asks for nothing that lies in trees. */
export function createTreeWalker(
  reader: ObjectReader,
  marks: ObjectMarks,
  breather: Breather,
  plan: FilterPlan,
): TreeWalker | undefined {
  const { depthBelow, patterns } = plan;
  if (depthBelow <= 0 || (!plan.trees && !plan.blobs)) return undefined;
  const looksAtNames = patterns.length > 0 && plan.blobs;
  if (!looksAtNames && depthBelow === Number.POSITIVE_INFINITY) {
    return new TreeWalk(reader, marks, breather, plan.blobs);
  }
  if (!looksAtNames) return new DepthTreeWalk(reader, marks, breather, { depthBelow, withBlobs: plan.blobs });
  return new PlacedTreeWalk(reader, marks, breather, createSparsePlaces({ patterns, depthBelow }));
}

import type { ObjectFilter } from "./object-filter.ts";
import { percentEncode } from "./url-encoding.ts";

/**
 * Spells a filter as git's servers read it (git-rev-list, `--filter`); `parseObjectFilter` undoes it. Throws nothing:
 * a combination of no filters becomes text that git refuses.
 */
export function formatObjectFilter(filter: ObjectFilter): string {
  switch (filter.kind) {
    case "blob:none":
      return "blob:none";
    case "blob:limit":
      return `blob:limit=${filter.bytes}`;
    case "tree":
      return `tree:${filter.depth}`;
    case "object:type":
      return `object:type=${filter.type}`;
    case "sparse:oid":
      return `sparse:oid=${filter.blob}`;
    default:
      return `combine:${filter.filters.map((each) => percentEncode(formatObjectFilter(each))).join("+")}`;
  }
}

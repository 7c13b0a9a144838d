import { compareNames } from "./name-order.ts";

/**
 * The prefixes of a query as disjoint ranges in byte order: sorted, without those that another one covers and without
 * those that no ref below `refs/` can have. Absent means all, which is `["refs/"]`.
 */
export function refRanges(prefixes: readonly string[] | undefined): readonly string[] {
  if (prefixes === undefined) return ["refs/"];
  const sorted = prefixes
    .map((prefix) => ("refs/".startsWith(prefix) ? "refs/" : prefix))
    .filter((prefix) => prefix.startsWith("refs/"))
    .sort(compareNames);
  const ranges: string[] = [];
  for (const prefix of sorted) {
    const last = ranges.at(-1);
    if (last === undefined || !prefix.startsWith(last)) ranges.push(prefix);
  }
  return ranges;
}

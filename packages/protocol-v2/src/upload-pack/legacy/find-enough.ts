import type { Oid } from "@millrace/pack";

/** Whether every want has an ancestor among these. */
export type EnoughTest = (common: readonly Oid[]) => Promise<boolean>;

/**
 * How many of `found`, behind what was `known` before, make enough; `undefined` where all of them do not. More never
 * undoes enough, so that a few questions do, however many there are to choose from.
 */
export async function findEnough(
  known: readonly Oid[],
  found: readonly Oid[],
  isEnough: EnoughTest,
): Promise<number | undefined> {
  if (known.length + found.length === 0) return undefined;
  if (!(await isEnough([...known, ...found]))) return undefined;
  let low = known.length === 0 ? 1 : 0;
  let high = found.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await isEnough([...known, ...found.slice(0, middle)])) high = middle;
    else low = middle + 1;
  }
  return high;
}

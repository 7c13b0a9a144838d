/** A pack as the planner sees it. */
export interface PlannedPack {
  readonly id: string;
  readonly objectCount: number;
  /** Not to be touched. */
  readonly stays: boolean;
  /** It holds what nobody reaches: only a full repack takes it. */
  readonly isCruft: boolean;
}

/** What there is to tidy up. */
export interface PlanInput {
  readonly packs: readonly PlannedPack[];
  readonly looseCount: number;
  /** Put everything into one pack, whatever there is. */
  readonly full: boolean;
  /** What is reached cannot be told, since some of it is elsewhere: packs are only joined. Default `false`. */
  readonly isPartial?: boolean | undefined;
  /** Something is to be left out, so that a single pack is worth writing again too. Default `false`. */
  readonly isLossy?: boolean | undefined;
  /** Each pack is to have at least so many times the objects of all smaller ones. Default 2. */
  readonly factor?: number | undefined;
}

/** What is to be done. */
export interface MaintenancePlan {
  /**
   * `roll-up`: `packs` and all loose objects become one pack, and nothing is lost; `full`: what is reached becomes one
   * pack, what is not, and is young, another.
   */
  readonly kind: "none" | "roll-up" | "full";
  /** Ids of the packs that are put together, the smallest first. */
  readonly packs: readonly string[];
}

const NONE: MaintenancePlan = { kind: "none", packs: [] };
const DEFAULT_FACTOR = 2;

/**
 * Decides what to put together so that the packs' object counts form a progression (`git repack --geometric`). A full
 * repack is due when that would take all packs anyway: it costs little more then, and finds deltas between all of them.
 */
export function planMaintenance(input: PlanInput): MaintenancePlan {
  const { looseCount, full, isPartial = false, isLossy = false, factor = DEFAULT_FACTOR } = input;
  const movable = input.packs.filter(({ stays }) => !stays);
  if (full) {
    const isEmpty = movable.length === 0 && looseCount === 0;
    const packs = bySize(movable).map(({ id }) => id);
    if (isPartial) return packs.length > (isLossy ? 0 : 1) ? { kind: "roll-up", packs } : NONE;
    return isEmpty ? NONE : { kind: "full", packs };
  }
  const packs = bySize(movable.filter(({ isCruft }) => !isCruft));
  const joined = countJoined(
    packs.map(({ objectCount }) => objectCount),
    looseCount,
    factor,
  );
  const isWorthwhile = joined > 1 || looseCount > 0;
  if (!isWorthwhile) return NONE;
  if (!isPartial && joined === packs.length && joined > 1) return planMaintenance({ ...input, full: true });
  return { kind: "roll-up", packs: packs.slice(0, joined).map(({ id }) => id) };
}

/** How many packs, from the smallest on, have to become one; loose objects are put with them. */
function countJoined(counts: readonly number[], looseCount: number, factor: number): number {
  // The largest ones that stand in a progression already stay.
  let joined = counts.length;
  while (joined > 0) {
    const below = joined === 1 ? looseCount : counts[joined - 2]!;
    if (counts[joined - 1]! < factor * below) break;
    joined--;
  }
  // What is joined grows, and may come too near the next one.
  let sum = looseCount;
  for (let i = 0; i < joined; i++) sum += counts[i]!;
  while (joined < counts.length && counts[joined]! < factor * sum) sum += counts[joined++]!;
  return joined;
}

function bySize(packs: readonly PlannedPack[]): PlannedPack[] {
  return packs.toSorted((a, b) => a.objectCount - b.objectCount || (a.id < b.id ? -1 : 1));
}

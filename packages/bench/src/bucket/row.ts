/** One thing that was measured over a bucket: what somebody waited for, and what that asked of the store. */
export interface Row {
  readonly case: string;
  /** How it was set up: `warm`, `cold`, a variant of an option. */
  readonly variant: string;
  /** From beginning to end, in seconds. */
  readonly seconds: number;
  /** Until the first byte of a pack, in seconds, from the beginning too. */
  readonly firstByteSeconds?: number | undefined;
  /** Requests that reached the store. */
  readonly requests?: number | undefined;
  /** The longest chain of requests each of which waited for the one before. */
  readonly chain?: number | undefined;
  /** The server's memory at its highest, in MiB. */
  readonly peakMebibytes?: number | undefined;
  readonly bound?: RowBound | undefined;
}

/** What a row is held to. */
export interface RowBound {
  readonly seconds?: number | undefined;
  readonly firstByteSeconds?: number | undefined;
  readonly requests?: number | undefined;
  readonly chain?: number | undefined;
  readonly peakMebibytes?: number | undefined;
}

/** The figures of a row, in the order they are shown, with what stands at the head of their column. */
export const columns = [
  ["seconds", "time"],
  ["firstByteSeconds", "first byte"],
  ["requests", "requests"],
  ["chain", "in a row"],
  ["peakMebibytes", "memory"],
] as const;

/** Whether every figure that is held to something holds; `undefined` where none is. */
export function holds(row: Row): boolean | undefined {
  const { bound } = row;
  if (bound === undefined) return undefined;
  return columns.every(([figure]) => {
    const limit = bound[figure];
    return limit === undefined || (row[figure] ?? Number.POSITIVE_INFINITY) <= limit;
  });
}

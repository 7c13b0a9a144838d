/** One request that went through a proxy. */
export interface LoggedRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  /** When its head was there, in milliseconds of this process's clock. */
  readonly startMs: number;
  /** When its answer was handed on whole. */
  readonly endMs: number;
  readonly status: number;
}

/**
 * The length of the longest chain of requests that began only after the one before had ended: how often somebody must
 * have waited for an answer.
 */
export function longestChain(requests: readonly LoggedRequest[]): number {
  let length = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const { startMs, endMs } of [...requests].sort((a, b) => a.endMs - b.endMs)) {
    if (startMs < end) continue;
    length++;
    end = endMs;
  }
  return length;
}

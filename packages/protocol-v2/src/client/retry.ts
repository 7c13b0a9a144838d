import { setTimeout as sleep } from "node:timers/promises";
import { event } from "@millrace/telemetry";
import { ProtocolError } from "../errors.ts";

/** How often and how patiently something is tried. */
export interface RetryPolicy {
  /** Attempts in all. */
  readonly attempts: number;
  /** The longest wait before the second attempt, in milliseconds; it doubles from then on. */
  readonly baseDelayMs: number;
  /** The longest wait there is, whatever the server asks for, in milliseconds. */
  readonly maxDelayMs: number;
}

/**
 * Runs `attempt` again where it failed with something transient, behind a random wait (full jitter). What it did before it
 * failed must not matter.
 */
export async function retrying<T>(
  policy: RetryPolicy,
  operation: string,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failed = 1; ; failed++) {
    try {
      return await attempt();
    } catch (error) {
      if (failed >= policy.attempts || !(error instanceof ProtocolError) || !error.transient) throw error;
      const longest = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (failed - 1));
      const asked = Math.min(policy.maxDelayMs, error.retryAfterMs ?? 0);
      const delayMs = Math.max(asked, Math.random() * longest);
      event("client.retry", { attempt: failed, delay_ms: delayMs }, { operation, fault: error.code });
      await sleep(delayMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

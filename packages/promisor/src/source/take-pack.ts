import { event } from "@millrace/telemetry";
import type { FetchedPack } from "./object-source.ts";

/** How often a pack is asked for that breaks off on its way. */
const ATTEMPTS = 3;

/**
 * Takes in a pack that was asked for, and asks for it again where it breaks off in the middle; what asking itself throws is
 * thrown at once, since it was tried again before. Nothing may be left of what `take` was in the middle of.
 */
export async function takePack<T>(
  open: () => Promise<FetchedPack | undefined>,
  take: (fetched: FetchedPack) => Promise<T>,
): Promise<T | undefined> {
  for (let attempt = 1; ; attempt++) {
    const fetched = await open();
    if (fetched === undefined) return undefined;
    try {
      return await take(fetched);
    } catch (error) {
      const { transient, code } = (error ?? {}) as { readonly transient?: unknown; readonly code?: string };
      if (attempt === ATTEMPTS || transient !== true) throw error;
      event("client.retry", { attempt, delay_ms: 0 }, { operation: "fetch", fault: code });
    } finally {
      await fetched[Symbol.asyncDispose]();
    }
  }
}

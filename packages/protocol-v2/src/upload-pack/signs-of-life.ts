import { keepAlivePacket } from "@millrace/pktline";
import { createAttention } from "../stream/attention.ts";
import type { CommandContext } from "./capability.ts";

/**
 * Waits for work that has nothing to say yet; where the whole answer travels on bands an empty packet is sent behind
 * `keepAliveMs` of silence. Throws what the work throws, and the signal's reason.
 */
export async function* withSignsOfLife<T>(
  { framing, options, signal }: CommandContext,
  work: Promise<T>,
): AsyncGenerator<Uint8Array, T, undefined> {
  if (!framing.banded) return await work;
  const attention = createAttention(options.keepAliveMs, signal);
  try {
    // Band 2: an empty packet on band 1 would be an empty line.
    while ((await attention.wait(work, true)) !== "settled") yield keepAlivePacket(2);
    return await work;
  } finally {
    attention.release();
    work.catch(() => undefined);
  }
}

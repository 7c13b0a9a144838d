import type { Oid } from "@millrace/pack";
import { createLineBatch } from "../../line-batch.ts";
import type { CommandContext } from "../capability.ts";
import type { FetchRequest } from "./request.ts";

/** Where a request's negotiation has come to. */
export interface Negotiation {
  /** Objects both sides have, each once. */
  readonly common: readonly Oid[];
  /** The acknowledgments section with what ends it; absent where the client has said all it has. */
  readonly acknowledgments?: Uint8Array | undefined;
  /** Whether the packfile section follows. */
  readonly ready: boolean;
}

/**
 * Finds what both sides have and whether that will do: a request that is not done is acknowledged, and is ready when
 * every want has an ancestor among the common objects. Implements gitprotocol-v2, "acknowledgments section".
 */
export async function negotiate(
  { host, signal }: CommandContext,
  request: FetchRequest,
  wants: readonly Oid[],
): Promise<Negotiation> {
  if (request.haves.length === 0) return { common: [], ready: true };

  const present = await host.hasObjects(request.haves, { signal });
  const acknowledged = request.haves.filter((_, index) => present[index] === true);
  const common = [...new Set(acknowledged)];
  if (request.done) return { common, ready: true };

  const ready =
    !request.waitForDone && common.length > 0 && (await host.reachesCommon(wants, common, { signal }));
  return { common, ready, acknowledgments: acknowledgmentSection(request, acknowledged, ready) };
}

function acknowledgmentSection(
  request: FetchRequest,
  acknowledged: readonly Oid[],
  ready: boolean,
): Uint8Array {
  const lines = createLineBatch(request.framing);
  lines.add("acknowledgments\n");
  if (acknowledged.length === 0) lines.add("NAK\n");
  for (const oid of acknowledged) lines.add(`ACK ${oid}\n`);
  if (ready) lines.add("ready\n");
  lines.addPacket(ready ? "0001" : "0000");
  return lines.take();
}

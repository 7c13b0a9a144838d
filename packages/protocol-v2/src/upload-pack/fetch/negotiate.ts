import type { Oid } from "@millrace/pack";
import { clientError, type ProtocolError } from "../../errors.ts";
import type { UploadPackHost } from "../../host.ts";
import { createLineBatch } from "../../line-batch.ts";
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
 * every want has an ancestor among the common objects. Throws `PROTOCOL_NOT_OUR_REF`.
 * Implements gitprotocol-v2, "acknowledgments section".
 */
export async function negotiate(
  host: UploadPackHost,
  request: FetchRequest,
  signal: AbortSignal,
): Promise<Negotiation> {
  const wants = [...request.wants];
  await checkWants(host, wants, signal);
  if (request.haves.length === 0) return { common: [], ready: true };

  const present = await host.hasObjects(request.haves, { signal });
  const acknowledged = request.haves.filter((_, index) => present[index] === true);
  const common = [...new Set(acknowledged)];
  if (request.done) return { common, ready: true };

  const ready =
    !request.waitForDone && common.length > 0 && (await host.reachesCommon(wants, common, { signal }));
  return { common, ready, acknowledgments: acknowledgmentSection(acknowledged, ready) };
}

async function checkWants(host: UploadPackHost, wants: readonly Oid[], signal: AbortSignal): Promise<void> {
  if (wants.length === 0) return;
  const present = await host.hasObjects(wants, { signal });
  const missing = wants.find((_, index) => present[index] !== true);
  if (missing !== undefined) throw notOurRef(missing);
}

/** An object that this repository does not serve. */
export function notOurRef(oid: Oid, cause?: unknown): ProtocolError {
  return clientError("PROTOCOL_NOT_OUR_REF", `upload-pack: not our ref ${oid}`, cause);
}

function acknowledgmentSection(acknowledged: readonly Oid[], ready: boolean): Uint8Array {
  const lines = createLineBatch();
  lines.add("acknowledgments\n");
  if (acknowledged.length === 0) lines.add("NAK\n");
  for (const oid of acknowledged) lines.add(`ACK ${oid}\n`);
  if (ready) lines.add("ready\n");
  lines.addPacket(ready ? "0001" : "0000");
  return lines.take();
}

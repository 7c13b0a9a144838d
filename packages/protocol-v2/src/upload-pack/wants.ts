import type { Oid } from "@millrace/pack";
import { clientError, type ProtocolError } from "../errors.ts";
import type { UploadPackHost } from "../host.ts";

/** What may be wanted: any stored object, what a ref reaches, or what a ref names. */
export type WantRule = "stored" | "reachable" | "tips";

/** Throws `PROTOCOL_NOT_OUR_REF` for the first want that the rule does not allow. */
export async function checkWants(
  host: UploadPackHost,
  wants: readonly Oid[],
  rule: WantRule,
  signal: AbortSignal,
): Promise<void> {
  if (wants.length === 0) return;
  refuseFirst(wants, await host.hasObjects(wants, { signal }));
  if (rule === "stored") return;
  // Without `areReachable` what is reachable stays unknown: only tips are.
  if (rule === "reachable" && host.areReachable !== undefined) {
    refuseFirst(wants, await host.areReachable(wants, { signal }));
    return;
  }
  const others = new Set(wants);
  for await (const { oid } of host.listRefs({ signal })) {
    others.delete(oid);
    if (others.size === 0) return;
  }
  refuseFirst(
    wants,
    wants.map((want) => !others.has(want)),
  );
}

function refuseFirst(wants: readonly Oid[], allowed: readonly boolean[]): void {
  const refused = wants.find((_, index) => allowed[index] !== true);
  if (refused !== undefined) throw notOurRef(refused);
}

/** An object that this repository does not serve. */
export function notOurRef(oid: Oid, cause?: unknown): ProtocolError {
  return clientError("PROTOCOL_NOT_OUR_REF", `upload-pack: not our ref ${oid}`, cause);
}

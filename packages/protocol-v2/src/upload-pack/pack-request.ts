import type { Oid } from "@millrace/pack";
import type { PackRequest } from "../host.ts";
import type { CommandContext } from "./capability.ts";
import type { FetchRequest } from "./fetch/request.ts";
import type { ShallowPlan } from "./fetch/shallow-info.ts";

/** What negotiation has come to. */
export interface Settled {
  readonly wants: readonly Oid[];
  readonly common: readonly Oid[];
  readonly shallow: ShallowPlan;
}

/** What the host is asked for once everything is settled. */
export function packRequest(
  { client }: CommandContext,
  request: FetchRequest,
  { wants, common, shallow }: Settled,
): PackRequest {
  const { thinPack, ofsDelta, includeTag, filter } = request;
  const clientShallow = shallow.clientShallow.length === 0 ? undefined : shallow.clientShallow;
  return {
    wants,
    haves: common,
    thinPack,
    ofsDelta,
    includeTag,
    clientShallow,
    shallowUpdate: shallow.update,
    filter,
    client,
  };
}

import { streamSpan } from "@millrace/telemetry";
import { createLineBatch } from "../../line-batch.ts";
import type { Capability, CommandContext } from "../capability.ts";
import { packRequest } from "../pack-request.ts";
import { sendPack } from "../send-pack.ts";
import { withSignsOfLife } from "../signs-of-life.ts";
import { checkWants } from "../wants.ts";
import { advertisedFeatures, createArgumentTaker } from "./arguments.ts";
import { negotiate, type Negotiation } from "./negotiate.ts";
import { addWantedRefs, findWantedRefs, type WantedRef } from "./ref-in-want.ts";
import { createFetchRequest, type FetchRequest } from "./request.ts";
import { addShallowInfo, findClientShallow, planShallow, type ShallowPlan } from "./shallow-info.ts";

/** `fetch`: negotiation, and the pack when it has come to an end (gitprotocol-v2, "fetch"). */
export const fetch: Capability = {
  name: "fetch",
  advertise: ({ host }) => advertisedFeatures(host),
  command(context) {
    const request = createFetchRequest(context);
    const take = createArgumentTaker(context.host);
    return {
      argument: (line) => take(request, line),
      answer: () => answerFetch(context, request),
    };
  },
};

/** Everything that is to be known before the answer's first byte. */
interface Findings extends Negotiation {
  readonly wants: readonly string[];
  readonly wantedRefs: readonly WantedRef[];
  readonly shallow?: ShallowPlan | undefined;
}

function answerFetch(context: CommandContext, request: FetchRequest): AsyncIterable<Uint8Array> {
  return streamSpan("upload_pack.fetch", {}, async function* (span) {
    span.set("want_count", request.wants.size + request.wantRefs.length);
    span.set("have_count", request.haves.length);
    // Without wants there is nothing to say, except to one who only negotiates.
    if (request.wants.size + request.wantRefs.length === 0 && !request.waitForDone) return;
    const findings = yield* withSignsOfLife(context, look(context, request));
    if (findings.acknowledgments !== undefined) yield findings.acknowledgments;
    if (findings.shallow === undefined) return;

    const { wants, wantedRefs, shallow, common } = findings;
    const opening = createLineBatch(request.framing);
    addShallowInfo(opening, shallow);
    addWantedRefs(opening, wantedRefs);
    const sections = opening.take();
    if (sections.length > 0) yield sections;
    opening.add("packfile\n");
    const form = { opening: opening.take(), maxDataBytes: undefined, noProgress: request.noProgress };
    yield* sendPack(context, packRequest(context, request, { wants, common, shallow }), form, span);
  });
}

async function look(context: CommandContext, request: FetchRequest): Promise<Findings> {
  const { host, signal } = context;
  const wantedRefs = await findWantedRefs(host, request, signal);
  await checkWants(host, [...request.wants], request.policy.reachableOnly ? "reachable" : "stored", signal);
  const wants = [...new Set([...request.wants, ...wantedRefs.map(({ oid }) => oid)])];
  const clientShallow = await findClientShallow(context, request);
  const negotiation = await negotiate(context, request, wants);
  if (!negotiation.ready) return { ...negotiation, wants, wantedRefs };
  const shallow = await planShallow(context, request, { wants, clientShallow });
  return { ...negotiation, wants, wantedRefs, shallow };
}

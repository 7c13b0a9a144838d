import { streamSpan } from "@millrace/telemetry";
import type { Capability, CommandContext } from "../capability.ts";
import { advertisedFeatures, takeFetchArgument } from "./arguments.ts";
import { negotiate } from "./negotiate.ts";
import { packfileSection } from "./packfile-section.ts";
import { createFetchRequest, type FetchRequest } from "./request.ts";

/** `fetch`: negotiation, and the pack when it has come to an end (gitprotocol-v2, "fetch"). */
export const fetch: Capability = {
  name: "fetch",
  advertise: advertisedFeatures,
  command(context) {
    const request = createFetchRequest(context.host.objectFormat, context.options.maxWants);
    return {
      argument: (line) => takeFetchArgument(request, line),
      answer: () => answerFetch(context, request),
    };
  },
};

function answerFetch(context: CommandContext, request: FetchRequest): AsyncIterable<Uint8Array> {
  return streamSpan("upload_pack.fetch", {}, async function* (span) {
    span.set("want_count", request.wants.size);
    span.set("have_count", request.haves.length);
    // Without wants there is nothing to say, except to one who only negotiates.
    if (request.wants.size === 0 && !request.waitForDone) return;
    const negotiation = await negotiate(context.host, request, context.signal);
    if (negotiation.acknowledgments !== undefined) yield negotiation.acknowledgments;
    if (negotiation.ready) yield* packfileSection(context, request, negotiation.common, span);
  });
}

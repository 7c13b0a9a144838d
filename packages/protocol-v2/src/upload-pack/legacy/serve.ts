import { type SpanHandle, streamSpan } from "@millrace/telemetry";
import { clientError } from "../../errors.ts";
import type { UploadPackPolicy } from "../../host.ts";
import { createLineBatch } from "../../line-batch.ts";
import type { RequestInput } from "../../request-input.ts";
import type { CommandContext } from "../capability.ts";
import { addShallowUpdate, findClientShallow, planShallow } from "../fetch/shallow-info.ts";
import { packRequest } from "../pack-request.ts";
import { sendBarePack } from "../send-bare-pack.ts";
import { sendPack } from "../send-pack.ts";
import { checkWants, type WantRule } from "../wants.ts";
import { advertiseLegacyRefs } from "./advertise.ts";
import { createNeedsParser } from "./needs.ts";
import { negotiateLegacy } from "./negotiate.ts";
import type { LegacyRequest } from "./request.ts";

/**
 * Serves one fetch of version 0 or 1: where it is not stateless the refs come first.
 * Implements gitprotocol-pack, "Fetching Data From a Server".
 */
export async function* serveLegacy(
  context: CommandContext,
  version: 0 | 1,
  requests: RequestInput,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { host, options, signal } = context;
  const { agent, stateless, chunks } = options;
  if (!stateless)
    yield* advertiseLegacyRefs(host, { version, agent, stateless, http: false, signal, chunks });
  const needs = createNeedsParser(context);
  if (!(await requests.read(needs))) {
    throw clientError("PROTOCOL_TRUNCATED", "the remote end hung up unexpectedly");
  }
  const { request } = needs;
  if (request.fetch.wants.size === 0) return;
  yield* streamSpan("upload_pack.fetch", {}, (span) => answerNeeds(context, request, requests, span));
}

async function* answerNeeds(
  context: CommandContext,
  request: LegacyRequest,
  requests: RequestInput,
  span: SpanHandle<"upload_pack.fetch">,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { host, options, signal } = context;
  const { fetch } = request;
  const wants = [...fetch.wants];
  span.set("want_count", wants.length);
  await checkWants(host, wants, wantRule(fetch.policy, options.stateless), signal);

  const clientShallow = await findClientShallow(context, fetch);
  const shallow = await planShallow(context, fetch, { wants, clientShallow }, false);
  if (shallow.deepened) {
    const lines = createLineBatch();
    addShallowUpdate(lines, shallow.update);
    lines.addPacket("0000");
    yield lines.take();
  }

  const common = yield* negotiateLegacy(context, request, requests, span);
  if (common === undefined) return;
  const pack = packRequest(context, fetch, { wants, common, shallow });
  const { maxDataBytes } = request;
  yield* maxDataBytes === undefined
    ? sendBarePack(context, pack, span)
    : sendPack(context, pack, { maxDataBytes, noProgress: fetch.noProgress }, span);
}

/**
 * A stateless client has chosen from refs that another request was told, which may have moved since: what they reach
 * is served to it too.
 */
function wantRule({ wants = "advertised" }: UploadPackPolicy, stateless: boolean): WantRule {
  if (wants === "any") return "stored";
  return wants === "reachable" || stateless ? "reachable" : "tips";
}

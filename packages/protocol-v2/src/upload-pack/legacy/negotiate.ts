import type { Oid } from "@millrace/pack";
import type { SpanHandle } from "@millrace/telemetry";
import { clientError } from "../../errors.ts";
import { createLineBatch } from "../../line-batch.ts";
import type { RequestInput } from "../../request-input.ts";
import type { CommandContext } from "../capability.ts";
import { findEnough } from "./find-enough.ts";
import { createHavesParser } from "./haves.ts";
import type { LegacyRequest } from "./request.ts";

/** Bytes of a have line: what one client may have in common is bounded as if it were one request. */
const haveBytes = 50;

/**
 * Answers haves, batch for batch, until the client is done: yields acknowledgments and returns what both sides have,
 * each object once; `undefined` where no pack follows, since a stateless client goes on in another request.
 * Throws `PROTOCOL_BAD_REQUEST`, `PROTOCOL_TRUNCATED`, `PROTOCOL_LIMIT_EXCEEDED`.
 * Implements gitprotocol-pack, "Packfile Negotiation".
 */
export async function* negotiateLegacy(
  { host, options, signal }: CommandContext,
  request: LegacyRequest,
  requests: RequestInput,
  span: SpanHandle<"upload_pack.fetch">,
): AsyncGenerator<Uint8Array, readonly Oid[] | undefined, undefined> {
  const { ackMode: mode } = request;
  const wants = [...request.fetch.wants];
  const common = new Set<Oid>();
  const lines = createLineBatch();
  let last: Oid | undefined;
  let enough = false;
  let toldReady = false;
  let haveCount = 0;

  for (let round = 0; ; round++) {
    const batch = createHavesParser(host.objectFormat);
    if (!(await requests.read(batch))) {
      // A stateless client may only have asked how deep its history will be.
      if (options.stateless && round === 0) return undefined;
      throw clientError("PROTOCOL_TRUNCATED", "the remote end hung up unexpectedly");
    }
    const { haves, done } = batch;
    haveCount += haves.length;
    span.set("have_count", haveCount);
    const present = haves.length === 0 ? [] : await host.hasObjects(haves, { signal });
    const found = haves.filter((_, index) => present[index] === true);
    const gotOther = found.length < haves.length;

    // Counts down the common objects of this batch that still have to be seen before enough is known.
    let missing: number | undefined = enough ? 0 : undefined;
    const asks = mode.multiple && (gotOther || (mode.tellsReady && !done && found.length > 0));
    if (!enough && asks) {
      missing = await findEnough([...common], found, (each) => host.reachesCommon(wants, each, { signal }));
    }

    for (const [index, oid] of haves.entries()) {
      if (present[index] === true) {
        if (mode.multiple || common.size === 0) lines.add(mode.common(oid));
        common.add(oid);
        last = oid;
        if (missing !== undefined && missing > 0) missing--;
      } else if (mode.multiple && missing === 0) {
        lines.add(mode.enough(oid));
        toldReady ||= mode.tellsReady;
      }
      if (lines.full) yield lines.take();
    }
    enough = missing === 0;
    if (common.size * haveBytes > options.maxRequestBytes) {
      const message = `negotiation is longer than ${options.maxRequestBytes} bytes`;
      throw clientError("PROTOCOL_LIMIT_EXCEEDED", message);
    }

    if (done) {
      if (last === undefined) lines.add("NAK\n");
      else if (mode.multiple) lines.add(`ACK ${last}\n`);
      yield* taken();
      return [...common];
    }
    if (mode.tellsReady && found.length > 0 && !gotOther && enough && last !== undefined) {
      lines.add(mode.enough(last));
      toldReady = true;
    }
    if (last === undefined || mode.multiple) lines.add("NAK\n");
    const goesOn = request.noDone && toldReady && last !== undefined;
    if (goesOn) lines.add(`ACK ${last}\n`);
    yield* taken();
    if (goesOn) return [...common];
    if (options.stateless) return undefined;
  }

  function* taken(): Generator<Uint8Array, void, undefined> {
    const bytes = lines.take();
    if (bytes.length > 0) yield bytes;
  }
}

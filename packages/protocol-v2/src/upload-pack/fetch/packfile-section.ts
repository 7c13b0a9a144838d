import type { Oid } from "@millrace/pack";
import { createSidebandWriter, FLUSH, keepAlivePacket, pktLine } from "@millrace/pktline";
import type { SpanHandle } from "@millrace/telemetry";
import { hostError, ProtocolError } from "../../errors.ts";
import { lastWords } from "../../last-words.ts";
import { createPackProgress } from "../../progress.ts";
import { takePackets } from "../../sideband.ts";
import { createAttention } from "../../stream/attention.ts";
import { linkAbort } from "../../stream/linked-abort.ts";
import { ToldError } from "../../told-error.ts";
import type { CommandContext } from "../capability.ts";
import { notOurRef } from "./negotiate.ts";
import type { FetchRequest } from "./request.ts";

/** Git's own last words when a pack cannot be made. */
const packFailed = "aborting due to possible repository corruption on the remote side.";

/**
 * The packfile section with its flush: band 1 carries the pack, band 2 git's progress lines, band 3 what went wrong
 * once the section has begun; before that errors are thrown. The bytes depend on the request and the pack alone;
 * only behind `keepAliveMs` of silence an empty packet is put in.
 * Implements gitprotocol-v2, "packfile section".
 */
export async function* packfileSection(
  context: CommandContext,
  request: FetchRequest,
  common: readonly Oid[],
  span: SpanHandle<"upload_pack.fetch">,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stop = linkAbort(context.signal);
  const attention = createAttention(context.options.keepAliveMs, stop.signal);
  const writer = createSidebandWriter();
  const progress = createPackProgress((text) => {
    if (request.noProgress) return;
    writer.progress(text);
    attention.notify();
  });
  let begun = false;
  let ended = false;
  let packBytes = 0;

  const source = context.host.createPack({
    wants: [...request.wants],
    haves: common,
    thinPack: request.thinPack,
    ofsDelta: request.ofsDelta,
    includeTag: request.includeTag,
    signal: stop.signal,
    onProgress(report) {
      if (report.phase === "total") span.set("object_count", report.objects);
      progress.report(report);
    },
  });
  const pack = source[Symbol.asyncIterator]();

  try {
    let next = pack.next();
    for (;;) {
      const why = await attention.wait(next, true);
      const result = why === "settled" ? await next : undefined;
      if (!begun) {
        begun = true;
        yield pktLine("packfile\n");
      }
      const told = takePackets(writer);
      if (told !== undefined) yield told;
      if (why === "silent") yield keepAlivePacket(1);
      if (result === undefined) continue;
      if (result.done === true) break;
      packBytes += result.value.length;
      writer.write(result.value);
      const packets = takePackets(writer);
      if (packets !== undefined) yield packets;
      next = pack.next();
    }
    ended = true;
    writer.flush();
    progress.finish();
    const last = takePackets(writer);
    if (last !== undefined) yield last;
    span.set("pack_size", packBytes);
    yield FLUSH.slice();
  } catch (cause) {
    context.signal.throwIfAborted();
    const error = wantRefused(request, cause) ?? hostError(cause, packFailed);
    if (!begun) throw error;
    yield lastWords(error.clientMessage ?? packFailed, true);
    throw new ToldError(error);
  } finally {
    attention.release();
    if (!ended) stop.abort(new ProtocolError("PROTOCOL_ABORTED", "the pack is no longer asked for"));
    stop.release();
    if (!ended) await pack.return?.();
  }
}

/** What hosts throw where an object is not there. */
const missingCodes: ReadonlySet<string> = new Set(["PACK_OBJECT_NOT_FOUND", "REPOSITORY_OBJECT_MISSING"]);

/** A host may find only while it enumerates that a want is not to be served. */
function wantRefused(request: FetchRequest, cause: unknown): ProtocolError | undefined {
  const { code, oid } = (cause ?? {}) as { code?: unknown; oid?: unknown };
  if (typeof code !== "string" || !missingCodes.has(code)) return undefined;
  if (typeof oid !== "string" || !request.wants.has(oid)) return undefined;
  return notOurRef(oid, cause);
}

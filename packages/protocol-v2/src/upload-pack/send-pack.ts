import { createSidebandWriter, FLUSH, keepAlivePacket } from "@millrace/pktline";
import type { SpanHandle } from "@millrace/telemetry";
import { hostError, ProtocolError } from "../errors.ts";
import type { PackRequest } from "../host.ts";
import { lastWords } from "../last-words.ts";
import { createPackProgress } from "../progress.ts";
import { createAttention } from "../stream/attention.ts";
import { takePackets } from "../sideband.ts";
import { linkAbort } from "../stream/linked-abort.ts";
import { toByteReader } from "../stream/to-byte-reader.ts";
import { ToldError } from "../told-error.ts";
import type { CommandContext } from "./capability.ts";
import { openPackPackets } from "./pack-packets.ts";
import { notOurRef } from "./wants.ts";

/** Git's own last words when a pack cannot be made. */
export const packFailed = "aborting due to possible repository corruption on the remote side.";

/** How a pack is put into packets. */
export interface PackForm {
  /** The packet that goes before the pack once there is one; without it the client reads bands already. */
  readonly opening?: Uint8Array | undefined;
  /** Data bytes of a packet; absent: those of `side-band-64k`. */
  readonly maxDataBytes: number | undefined;
  readonly noProgress: boolean;
}

/**
 * The pack with its flush: band 1 carries the pack, band 2 git's progress lines, band 3 what went wrong once the client
 * reads bands; before that errors are thrown. The bytes depend on the request and the pack alone; only behind
 * `keepAliveMs` of silence an empty packet is put in.
 * Implements gitprotocol-v2, "packfile section", and gitprotocol-pack, "Packfile Data".
 */
export async function* sendPack(
  context: CommandContext,
  request: PackRequest,
  form: PackForm,
  span: SpanHandle<"upload_pack.fetch">,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { keepAliveMs, chunks } = context.options;
  const stop = linkAbort(context.signal);
  const attention = createAttention(keepAliveMs, stop.signal);
  const texts = createSidebandWriter({ maxDataBytes: form.maxDataBytes });
  const progress = createPackProgress((text) => {
    if (form.noProgress) return;
    texts.progress(text);
    attention.notify();
  });
  let begun = form.opening === undefined;
  let ended = false;

  const pack = toByteReader(
    context.host.createPack({
      ...request,
      signal: stop.signal,
      countDeltas: !form.noProgress,
      onProgress(report) {
        if (report.phase === "total") span.set("object_count", report.objects);
        progress.report(report);
      },
    }),
  );
  const packets = openPackPackets(pack, form.maxDataBytes, chunks);
  const startNext = (): Promise<Uint8Array | undefined> => {
    const next = packets.next();
    // Heard here, thrown where it is waited for: meanwhile a chunk is being taken.
    next.catch(() => undefined);
    return next;
  };

  try {
    let next = startNext();
    for (;;) {
      const why = await attention.wait(next, true);
      const chunk = why === "settled" ? await next : undefined;
      if (!begun) {
        begun = true;
        if (form.opening !== undefined) yield form.opening;
      }
      const told = takePackets(texts);
      if (told !== undefined) yield told;
      if (why === "silent") yield keepAlivePacket(1);
      if (why !== "settled") continue;
      if (chunk === undefined) break;
      // The next chunk is filled while this one is on its way: never more than these two.
      next = startNext();
      yield chunk;
    }
    ended = true;
    progress.finish();
    const last = takePackets(texts);
    if (last !== undefined) yield last;
    span.set("pack_size", packets.packBytes);
    yield FLUSH.slice();
  } catch (cause) {
    context.signal.throwIfAborted();
    const error = packError(request, cause);
    if (!begun) throw error;
    yield lastWords(error.clientMessage ?? packFailed, true, form.maxDataBytes);
    throw new ToldError(error);
  } finally {
    attention.release();
    if (!ended) stop.abort(new ProtocolError("PROTOCOL_ABORTED", "the pack is no longer asked for"));
    stop.release();
    await pack[Symbol.asyncDispose]();
  }
}

/** What hosts throw where an object is not there. */
const missingCodes: ReadonlySet<string> = new Set(["PACK_OBJECT_NOT_FOUND", "REPOSITORY_OBJECT_MISSING"]);

/** What a host threw for a pack; it may find only while it enumerates that a want is not to be served. */
export function packError(request: PackRequest, cause: unknown): ProtocolError {
  const { code, oid } = (cause ?? {}) as { code?: unknown; oid?: unknown };
  const missing = typeof code === "string" && missingCodes.has(code);
  if (missing && typeof oid === "string" && request.wants.includes(oid)) return notOurRef(oid, cause);
  return hostError(cause, packFailed);
}

import type { SpanHandle } from "@millrace/telemetry";
import { ProtocolError } from "../errors.ts";
import type { PackRequest } from "../host.ts";
import { createAttention } from "../stream/attention.ts";
import { linkAbort } from "../stream/linked-abort.ts";
import { ToldError } from "../told-error.ts";
import type { CommandContext } from "./capability.ts";
import { packError } from "./send-pack.ts";

/**
 * The pack for a client that reads no bands: nothing else can be said, so a pack that cannot be made just ends.
 * Implements gitprotocol-pack, "Packfile Data".
 */
export async function* sendBarePack(
  context: CommandContext,
  request: PackRequest,
  span: SpanHandle<"upload_pack.fetch">,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stop = linkAbort(context.signal);
  const attention = createAttention(0, stop.signal);
  let ended = false;
  let packBytes = 0;
  const source = context.host.createPack({
    ...request,
    signal: stop.signal,
    onProgress(report) {
      if (report.phase === "total") span.set("object_count", report.objects);
    },
  });
  const pack = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = pack.next();
      await attention.wait(next, false);
      const result = await next;
      if (result.done === true) break;
      packBytes += result.value.length;
      yield result.value;
    }
    ended = true;
    span.set("pack_size", packBytes);
  } catch (cause) {
    context.signal.throwIfAborted();
    throw new ToldError(packError(request, cause));
  } finally {
    attention.release();
    if (!ended) stop.abort(new ProtocolError("PROTOCOL_ABORTED", "the pack is no longer asked for"));
    stop.release();
    if (!ended) await pack.return?.();
  }
}

import type { SpanHandle } from "@millrace/telemetry";
import { ProtocolError } from "../errors.ts";
import type { PackRequest } from "../host.ts";
import { createAttention } from "../stream/attention.ts";
import { CHUNK_BYTES, freshChunk } from "../stream/chunk-pool.ts";
import { linkAbort } from "../stream/linked-abort.ts";
import { toByteReader } from "../stream/to-byte-reader.ts";
import { ToldError } from "../told-error.ts";
import type { CommandContext } from "./capability.ts";
import { packError } from "./send-pack.ts";

const FIRST_BYTES = 64 * 1024;

/**
 * The pack for a client that reads no bands: nothing else can be said, so a pack that cannot be made just ends.
 * Implements gitprotocol-pack, "Packfile Data".
 */
export async function* sendBarePack(
  context: CommandContext,
  request: PackRequest,
  span: SpanHandle<"upload_pack.fetch">,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { chunks } = context.options;
  const stop = linkAbort(context.signal);
  const attention = createAttention(0, stop.signal);
  let ended = false;
  let packBytes = 0;
  const pack = toByteReader(
    context.host.createPack({
      ...request,
      signal: stop.signal,
      countDeltas: false,
      onProgress(report) {
        if (report.phase === "total") span.set("object_count", report.objects);
      },
    }),
  );
  const fillNext = async (buffer: Uint8Array): Promise<Uint8Array> =>
    buffer.subarray(0, await pack.readInto([buffer]));
  try {
    // The first chunk is small, since most packs are.
    for (let room = FIRST_BYTES; !ended; room = CHUNK_BYTES) {
      const filling = fillNext(
        room === FIRST_BYTES ? new Uint8Array(room) : (chunks?.take() ?? freshChunk()),
      );
      await attention.wait(filling, false);
      const chunk = await filling;
      ended = chunk.length < room;
      packBytes += chunk.length;
      if (chunk.length > 0) yield chunk;
    }
    span.set("pack_size", packBytes);
  } catch (cause) {
    context.signal.throwIfAborted();
    throw new ToldError(packError(request, cause));
  } finally {
    attention.release();
    if (!ended) stop.abort(new ProtocolError("PROTOCOL_ABORTED", "the pack is no longer asked for"));
    stop.release();
    await pack[Symbol.asyncDispose]();
  }
}

import { createSidebandWriter, keepAlivePacket } from "@millrace/pktline";
import type { SpanHandle } from "@millrace/telemetry";
import { ProtocolError } from "../errors.ts";
import type { ReceiveReport } from "../host.ts";
import { createReceiveProgress } from "../progress.ts";
import { takePackets } from "../sideband.ts";
import { createAttention } from "../stream/attention.ts";
import { linkAbort } from "../stream/linked-abort.ts";
import { completeReport, refuseDuplicates } from "./duplicates.ts";
import type { PushConversation } from "./push-conversation.ts";

/**
 * Has the host take the pack and move the refs, and tells the user meanwhile how that goes. Empty packets are sent only
 * once the whole pack is here: before that a client may be writing and not reading.
 */
export async function* receivePush(
  push: PushConversation,
  span: SpanHandle<"receive_pack">,
): AsyncGenerator<Uint8Array, ReceiveReport, undefined> {
  const { host, options, request } = push;
  const sorted = refuseDuplicates(request.commands, request.atomic);
  const stop = linkAbort(push.signal);
  const attention = createAttention(options.keepAliveMs, stop.signal);
  const writer = createSidebandWriter();
  const tell = (text: string): void => {
    if (!request.sideband) return;
    writer.progress(text);
    attention.notify();
  };
  const showProgress = createReceiveProgress(tell);
  const pack = sorted.accepted.some((command) => command.new !== null) ? followPack(push, span) : undefined;
  const hasPackEnded = (): boolean => pack === undefined || pack.ended;

  const work: Promise<ReceiveReport> =
    sorted.accepted.length === 0
      ? Promise.resolve({ refs: [] })
      : host.receive({
          commands: sorted.accepted,
          atomic: request.atomic,
          clientShallow: request.shallow.length === 0 ? undefined : [...new Set(request.shallow)],
          pushOptions: request.pushOptions,
          client: request.client,
          pack: pack?.bytes,
          signal: stop.signal,
          onProgress(progress) {
            if (progress.phase !== "receiving" && pack !== undefined && !pack.ended) {
              pack.ended = true;
              attention.notify();
            }
            if (!request.quiet) showProgress(progress);
          },
        });
  if (pack !== undefined) pack.onEnd = () => attention.notify();

  let settled = false;
  try {
    for (;;) {
      const why = await attention.wait(work, request.sideband && hasPackEnded());
      const told = takePackets(writer);
      if (told !== undefined) yield told;
      if (why === "silent") yield keepAlivePacket(2);
      if (why === "settled") break;
    }
    settled = true;
    const report = completeReport(request.commands, sorted, await work);
    for (const message of report.messages ?? []) tell(`${message}\n`);
    const messages = takePackets(writer);
    if (messages !== undefined) yield messages;
    return report;
  } finally {
    attention.release();
    if (!settled) stop.abort(new ProtocolError("PROTOCOL_ABORTED", "the push is no longer waited for"));
    stop.release();
    await work.catch(() => undefined);
  }
}

/** The pack of a push and whether its last byte is known to be here. */
interface FollowedPack {
  readonly bytes: AsyncIterable<Uint8Array>;
  ended: boolean;
  onEnd: (() => void) | undefined;
}

function followPack(push: PushConversation, span: SpanHandle<"receive_pack">): FollowedPack {
  const followed: FollowedPack = { bytes: read(), ended: false, onEnd: undefined };
  return followed;

  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    let packBytes = 0;
    try {
      for await (const chunk of push.requests.rest()) {
        packBytes += chunk.length;
        yield chunk;
      }
    } finally {
      span.set("pack_size", packBytes);
      followed.ended = true;
      followed.onEnd?.();
    }
  }
}

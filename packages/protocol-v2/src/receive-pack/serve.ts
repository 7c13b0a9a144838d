import { createSidebandWriter, FLUSH } from "@millrace/pktline";
import { type SpanHandle, streamSpan } from "@millrace/telemetry";
import { clientError, hostError } from "../errors.ts";
import type { ReceivePackHost } from "../host.ts";
import { lastWords } from "../last-words.ts";
import { openRequestInput } from "../request-input.ts";
import { ReceivePackOptions } from "../schema.ts";
import { takePackets } from "../sideband.ts";
import type { ByteSource } from "../stream/abortable-source.ts";
import { advertiseReceivePack } from "./advertise.ts";
import type { PushConversation } from "./push-conversation.ts";
import { createPushOptionsParser } from "./push-options.ts";
import { createPushRequestParser } from "./push-request.ts";
import { receivePush } from "./receive-push.ts";
import { reportLines } from "./report.ts";

/**
 * Serves `git-receive-pack`: commands and push options, then the pack, then the report; where it is not stateless the advertisement
 * comes first. The end of the pack is the host's to find: `input` need not end, and its iterator is returned when the
 * push is over. A client's fault and the host's are told to the client, then to `onError`, and the output ends in good
 * order; it throws the signal's reason, and what `input` throws. The host stays the caller's to dispose.
 * Implements gitprotocol-pack, "Pushing Data To a Server".
 */
export async function* serveReceivePack(
  host: ReceivePackHost,
  input: ByteSource,
  options: ReceivePackOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const filled = ReceivePackOptions.parse(options);
  const signal = filled.signal ?? new AbortController().signal;
  const requests = openRequestInput(input, signal, filled.maxRequestBytes);
  const parser = createPushRequestParser({
    objectFormat: host.objectFormat,
    maxCommands: filled.maxCommands,
    atomic: filled.atomic,
    pushOptions: host.policy?.pushOptions === true,
  });
  try {
    if (!filled.stateless) {
      yield* advertiseReceivePack(host, {
        version: filled.version,
        agent: filled.agent,
        atomic: filled.atomic,
        signal,
      });
    }
    const { request } = parser;
    if (!(await requests.read(parser)) || request.commands.length === 0) return;
    const { pushOptions } = request;
    if (pushOptions !== undefined && !(await requests.read(createPushOptionsParser(pushOptions)))) {
      throw clientError("PROTOCOL_TRUNCATED", "the remote end hung up unexpectedly");
    }
    const push: PushConversation = { host, options: filled, requests, request, signal };
    yield* streamSpan("receive_pack", {}, (span) => answerPush(push, span));
  } catch (cause) {
    signal.throwIfAborted();
    if (requests.failed) throw cause;
    const error = hostError(cause, "receive-pack: internal error");
    if (error.clientMessage !== undefined) yield lastWords(error.clientMessage, parser.request.sideband);
    filled.onError?.(error);
  } finally {
    await requests.release();
  }
}

async function* answerPush(
  push: PushConversation,
  span: SpanHandle<"receive_pack">,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { request } = push;
  const report = yield* receivePush(push, span);
  const rejected = report.refs.filter((ref) => ref.error !== undefined).length;
  span.set("command_count", request.commands.length);
  span.set("rejected_count", rejected);
  span.set("outcome", rejected === 0 ? "accepted" : rejected < report.refs.length ? "partial" : "rejected");

  if (request.reportStatus !== undefined) {
    const form = { version: request.reportStatus, objectFormat: push.host.objectFormat };
    const writer = request.sideband ? createSidebandWriter() : undefined;
    for (const lines of reportLines(report, form)) {
      writer?.write(lines);
      const packets = writer === undefined ? lines : takePackets(writer);
      if (packets !== undefined) yield packets;
    }
    writer?.flush();
    const last = writer && takePackets(writer);
    if (last !== undefined) yield last;
  }
  if (request.sideband) yield FLUSH.slice();
}

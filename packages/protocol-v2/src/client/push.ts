import type { Oid } from "@millrace/pack";
import { demuxSideband, FLUSH, pktLine } from "@millrace/pktline";
import { span } from "@millrace/telemetry";
import { ProtocolError } from "../errors.ts";
import { zeroOid } from "../object-id.ts";
import { readAnswerPackets } from "./answer-packets.ts";
import { type PushAdvertisement, readPushAdvertisement } from "./push-advertisement.ts";
import { type PushReport, readPushReport } from "./push-report.ts";
import { isRefName } from "./ref-name.ts";
import type { FilledRemoteOptions } from "./schema.ts";
import type { Answer, Conversation } from "./transport.ts";

/** A ref that is to move. */
export interface RefUpdate {
  readonly name: string;
  /** What it points to now, and must still: `undefined` where it is to be made. */
  readonly from: Oid | undefined;
  /** What it is to point to: `undefined` where it is to go. */
  readonly to: Oid | undefined;
}

/** What is sent with the updates. */
export interface PushRequest {
  readonly updates: readonly RefUpdate[];
  /** The objects that the server lacks; not asked for where refs only go. */
  readonly pack?: AsyncIterable<Uint8Array> | undefined;
  /** All or none. */
  readonly atomic?: boolean | undefined;
  /** `git push --push-option`. */
  readonly pushOptions?: readonly string[] | undefined;
  /** Commits whose parents the client lacks. */
  readonly shallow?: readonly Oid[] | undefined;
  /** Told what the server says while it works. */
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A push that has begun: what the server has is known, and it waits. Disposing leaves without one. */
export interface Push extends PushAdvertisement, AsyncDisposable {
  /**
   * Sends updates and objects, once. Refs that the server refuses are told in the report.
   * Throws `PROTOCOL_UNSUPPORTED` where the server lacks what is asked for, `PROTOCOL_BAD_REQUEST`, and as `Remote`.
   * It is never tried again by itself: whoever hears of no report asks for the refs to learn what became of it.
   */
  send(request: PushRequest): Promise<PushReport>;
}

/** Begins a push on a fresh conversation, which it takes over. */
export async function openPush(
  conversation: Conversation,
  address: string,
  options: FilledRemoteOptions,
  signal: AbortSignal | undefined,
): Promise<Push> {
  try {
    const answer = await conversation.advertisement(signal);
    const advertised = await readPushAdvertisement(answer, options.maxRefs);
    await answer.done();
    return {
      ...advertised,
      send: (request) =>
        span("client.push", { address }, async (handle) => {
          handle.set("command_count", request.updates.length);
          const body = pushBody(request, advertised, options, (bytes) => handle.set("pack_size", bytes));
          const report = await readReport(
            await conversation.request(body, request.signal),
            request,
            advertised,
          );
          handle.set("rejected_count", report.refs.filter(({ reason }) => reason !== undefined).length);
          return report;
        }),
      [Symbol.asyncDispose]: () => conversation[Symbol.asyncDispose](),
    };
  } catch (error) {
    await conversation[Symbol.asyncDispose]();
    throw error;
  }
}

/** Commands, options and pack, in the order of gitprotocol-pack, "Reference Update Request and Packfile Transfer". */
function pushBody(
  request: PushRequest,
  { features, objectFormat }: PushAdvertisement,
  options: FilledRemoteOptions,
  onSent: (packBytes: number) => void,
): AsyncIterable<Uint8Array> {
  const { updates, pack, atomic, pushOptions, shallow = [] } = request;
  const need = (feature: string): string => {
    if (!features.has(feature)) {
      throw new ProtocolError("PROTOCOL_UNSUPPORTED", `the server's pushes have no ${feature}`);
    }
    return feature;
  };
  checkUpdates(updates);
  const needsPack = updates.some(({ to }) => to !== undefined);
  if (needsPack && pack === undefined)
    throw new ProtocolError("PROTOCOL_BAD_REQUEST", "a push without a pack");
  const words = [
    features.has("report-status-v2") ? "report-status-v2" : need("report-status"),
    ...(features.has("side-band-64k") ? ["side-band-64k"] : []),
    ...(request.onProgress === undefined && features.has("quiet") ? ["quiet"] : []),
    ...(atomic === true ? [need("atomic")] : []),
    ...(pushOptions === undefined ? [] : [need("push-options")]),
    ...(updates.some(({ to }) => to === undefined) ? [need("delete-refs")] : []),
    ...(objectFormat === "sha1" ? [] : [`object-format=${objectFormat}`]),
    `agent=${options.agent}`,
    ...(options.sessionId === undefined ? [] : [`session-id=${options.sessionId}`]),
  ];
  const zero = zeroOid(objectFormat);
  const commands = updates.map(({ name, from, to }) => `${from ?? zero} ${to ?? zero} ${name}`);
  const [first = "", ...rest] = commands;
  const head = Buffer.concat([
    ...shallow.map((oid) => pktLine(`shallow ${oid}\n`)),
    pktLine(`${first}\0 ${words.join(" ")}\n`),
    ...rest.map((command) => pktLine(`${command}\n`)),
    FLUSH,
    ...(pushOptions === undefined ? [] : [...pushOptions.map((option) => pktLine(option)), FLUSH]),
  ]);
  return (async function* () {
    yield head;
    let packBytes = 0;
    for await (const chunk of needsPack && pack !== undefined ? pack : []) {
      packBytes += chunk.length;
      onSent(packBytes);
      yield chunk;
    }
  })();
}

function checkUpdates(updates: readonly RefUpdate[]): void {
  const names = new Set<string>();
  for (const { name, from, to } of updates) {
    const isSound = isRefName(name) && name !== "HEAD" && (from ?? to) !== undefined && !names.has(name);
    if (!isSound) throw new ProtocolError("PROTOCOL_BAD_REQUEST", "an update that cannot be pushed");
    names.add(name);
  }
  if (names.size === 0) throw new ProtocolError("PROTOCOL_BAD_REQUEST", "a push that updates nothing");
}

async function readReport(
  answer: Answer,
  request: PushRequest,
  { features }: PushAdvertisement,
): Promise<PushReport> {
  const names = new Set(request.updates.map(({ name }) => name));
  try {
    // The report is packets of its own, inside band 1.
    const packets = features.has("side-band-64k")
      ? readAnswerPackets(demuxSideband(answer.packets, { onProgress: request.onProgress }))
      : answer.packets;
    const report = await readPushReport({ ...answer, packets }, names);
    await answer.done();
    return report;
  } catch (error) {
    await answer[Symbol.asyncDispose]();
    throw error;
  }
}

import type { Oid } from "@millrace/pack";
import { demuxSideband } from "@millrace/pktline";
import { streamSpan } from "@millrace/telemetry";
import { ProtocolError } from "../errors.ts";
import { answerError, badAnswer } from "./answer-packets.ts";
import { type FetchHead, readFetchHead } from "./fetch-answer.ts";
import type { FetchRequest } from "./fetch-request.ts";
import type { Answer } from "./transport.ts";

/** Haves of the first round; each later one has twice as many, as git does it. */
const FIRST_ROUND = 16;
const LARGEST_ROUND = 16_384;
/** Haves in a row that the server knows none of, behind which the client stops asking. */
const MAX_IN_VAIN = 256;

/** What came of a fetch. The pack is to be read to its end, or left; disposing gives up one that was never begun. */
export interface FetchAnswer extends Omit<FetchHead, "hasPack">, AsyncDisposable {
  /** The pack's bytes, to be read once; each chunk is valid until the next one is asked for. */
  readonly pack: AsyncIterable<Uint8Array>;
}

/** How a round of a fetch is sent, and what its answers may cost. */
export interface FetchWay {
  readonly address: string;
  readonly objectFormat: "sha1" | "sha256";
  readonly maxLines: number;
  readonly maxPackBytes: number;
  ask(lines: readonly string[]): Promise<Answer>;
}

/** Negotiates what the client has in rounds until the server sends a pack (gitprotocol-v2, "fetch"). */
export async function negotiateFetch(
  way: FetchWay,
  request: FetchRequest,
  args: readonly string[],
): Promise<FetchAnswer> {
  const common = new Set<Oid>();
  let roundSize = FIRST_ROUND;
  let toldCount = 0;
  for (let inVain = 0; ; roundSize = Math.min(roundSize * 2, LARGEST_ROUND)) {
    const haves = await takeHaves(request, roundSize);
    // A round without news ends the asking, as does one too many of which the server knows nothing.
    const isLast = haves.length < roundSize || inVain > MAX_IN_VAIN;
    toldCount += haves.length;
    const lines = [
      ...args,
      ...[...common, ...haves].map((oid) => `have ${oid}`),
      ...(isLast ? ["done"] : []),
    ];
    const answer = await way.ask(lines);
    try {
      const head = await readFetchHead(answer, way.objectFormat, way.maxLines);
      if (head.hasPack) {
        return {
          ...head,
          acknowledged: [...common, ...head.acknowledged],
          pack: packOf(way, request, answer, toldCount),
          [Symbol.asyncDispose]: () => answer[Symbol.asyncDispose](),
        };
      }
      if (isLast) throw badAnswer("no pack behind the last word");
      await answer.done();
      const fresh = head.acknowledged.filter((oid) => !common.has(oid));
      for (const oid of fresh) {
        common.add(oid);
        request.haves?.acknowledge(oid);
      }
      inVain = fresh.length > 0 ? 0 : inVain + haves.length;
    } catch (error) {
      await answer[Symbol.asyncDispose]();
      throw error;
    }
  }
}

async function takeHaves({ haves }: FetchRequest, count: number): Promise<Oid[]> {
  const taken: Oid[] = [];
  while (taken.length < count) {
    const oid = await haves?.next();
    if (oid === undefined) break;
    taken.push(oid);
  }
  return taken;
}

function packOf(
  way: FetchWay,
  request: FetchRequest,
  answer: Answer,
  haveCount: number,
): AsyncIterable<Uint8Array> {
  return streamSpan("client.fetch", { address: way.address }, async function* (span) {
    let packBytes = 0;
    let isWhole = false;
    try {
      for await (const chunk of demuxSideband(answer.packets, { onProgress: request.onProgress })) {
        packBytes += chunk.length;
        if (packBytes > way.maxPackBytes) {
          throw new ProtocolError("PROTOCOL_LIMIT_EXCEEDED", `a pack of more than ${way.maxPackBytes} bytes`);
        }
        yield chunk;
      }
      await answer.done();
      isWhole = true;
    } catch (error) {
      throw answerError(error, answer);
    } finally {
      const wantCount = (request.wants?.length ?? 0) + (request.wantRefs?.length ?? 0);
      span.set("want_count", wantCount);
      span.set("have_count", haveCount);
      span.set("pack_size", packBytes);
      if (!isWhole) await answer[Symbol.asyncDispose]();
    }
  });
}

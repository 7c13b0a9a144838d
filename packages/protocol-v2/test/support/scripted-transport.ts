import type { Answer, Conversation, GitTransport } from "../../src/client/index.ts";
import { readAnswerPackets } from "../../src/client/answer-packets.ts";
import { packets } from "./http-fixture.ts";

/** What a server sends, cut into chunks of `chunkBytes`. */
export interface Script {
  readonly advertisement?: Uint8Array | undefined;
  readonly answers?: readonly Uint8Array[] | undefined;
  readonly chunkBytes?: number | undefined;
}

/** A server of version 2 with everything. */
export const everything: Uint8Array = packets(
  "version 2",
  "ls-refs=unborn",
  "fetch=shallow filter ref-in-want",
  "object-info",
  "object-format=sha1",
  "0000",
);

/** A server that says what it is told to, whatever it is asked. */
export function scriptedTransport(script: Script): GitTransport {
  const { advertisement = everything, answers = [], chunkBytes = 1 << 16 } = script;
  let asked = 0;
  const answer = (bytes: Uint8Array): Promise<Answer> => {
    const reader = readAnswerPackets(
      (async function* () {
        for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.slice(at, at + chunkBytes);
      })(),
    );
    return Promise.resolve({
      packets: reader,
      done: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => reader.cancel(),
    });
  };
  const conversation: Conversation = {
    stateless: true,
    advertisement: () => answer(advertisement),
    async request(body) {
      if (!(body instanceof Uint8Array)) for await (const _ of body);
      return answer(answers[asked++] ?? new Uint8Array());
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return {
    address: "scripted",
    open: () => Promise.resolve(conversation),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

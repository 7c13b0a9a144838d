import { RESPONSE_END } from "@millrace/pktline";
import {
  advertiseUploadPack,
  type ProtocolError,
  serveUploadPack,
  type UploadPackHost,
  type UploadPackOptions,
} from "@millrace/protocol-v2";

/**
 * Serves fetches in protocol version 2 as a remote helper has them: the capabilities, then an answer to each request with a mark behind
 * it, until `input` ends or an error was told. git sends no request before it has read the answer to the one before.
 * Implements gitremote-helpers, "stateless-connect".
 */
export async function* serveRequests(
  host: UploadPackHost,
  input: AsyncIterable<Uint8Array>,
  { agent, onError }: UploadPackOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = input[Symbol.asyncIterator]();
  let isOver = false;
  const conversation = {
    version: 2,
    agent,
    onError(error: ProtocolError) {
      isOver = true;
      onError?.(error);
    },
  } as const;
  try {
    yield* advertiseUploadPack(host, { version: 2, agent });
    for (let first = await source.next(); first.done !== true; first = await source.next()) {
      yield* serveUploadPack(host, startingWith(first.value, source), conversation);
      if (isOver) return;
      yield RESPONSE_END.slice();
    }
  } finally {
    await source.return?.();
  }
}

/** The bytes from one chunk on. Whoever leaves it early leaves the source as it is, for the next request. */
async function* startingWith(
  first: Uint8Array,
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield first;
  for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
}

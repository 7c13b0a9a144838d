import type { ServerResponse } from "node:http";
import type { ChunkPool } from "@millrace/protocol-v2";
import { sendBytes } from "../send-bytes.ts";
import { linger } from "./drain.ts";
import type { HttpError } from "./http-error.ts";

/** git's own: an answer is good for one request only. */
const NO_CACHE = {
  Expires: "Fri, 01 Jan 1980 00:00:00 GMT",
  Pragma: "no-cache",
  "Cache-Control": "no-cache, max-age=0, must-revalidate",
};

/**
 * Sends a stream of bytes as fast as the client reads. The head goes out with the first bytes, so that what fails
 * before them can still become a status. Throws what the stream throws.
 */
export async function sendStream(
  response: ServerResponse,
  contentType: string,
  bytes: AsyncIterable<Uint8Array>,
  chunks: ChunkPool,
): Promise<void> {
  // Kept, since a request lets go of its socket when the client goes away.
  const { socket } = response.req;
  const iterator = bytes[Symbol.asyncIterator]();
  const first = await iterator.next();
  prepareHead(response);
  response.writeHead(200, { ...NO_CACHE, "Content-Type": contentType });
  const answer = startingWith(first, iterator);
  const { req: request, shouldKeepAlive } = response;
  const whole = shouldKeepAlive ? answer : endingWith(answer, () => linger(request, socket));
  await sendBytes(whole, response, { chunks, end: true });
}

/** Answers with a status and one line of text. */
export function sendError(response: ServerResponse, { status, message, headers }: HttpError): void {
  prepareHead(response);
  const body = `${message}\n`;
  response.writeHead(status, {
    ...NO_CACHE,
    ...headers,
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

/** Node would add `Connection` and `Keep-Alive: timeout=…`, which git's servers do not send and some proxies misread. */
function prepareHead(response: ServerResponse): void {
  if (response.shouldKeepAlive) response.removeHeader("Connection");
}

/** The rest of an iteration with its first step in front again. */
function startingWith<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncIterator<T> {
  let taken = false;
  return {
    next() {
      if (taken) return rest.next();
      taken = true;
      return Promise.resolve(first);
    },
    return: async (value) => (await rest.return?.(value)) ?? { done: true, value },
  };
}

/** An iteration that does something more before it tells its end. */
function endingWith<T>(iterator: AsyncIterator<T>, atEnd: () => Promise<void>): AsyncIterator<T> {
  return {
    async next() {
      const next = await iterator.next();
      if (next.done === true) await atEnd();
      return next;
    },
    return: async (value) => (await iterator.return?.(value)) ?? { done: true, value },
  };
}

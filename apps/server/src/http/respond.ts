import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
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
): Promise<void> {
  const iterator = bytes[Symbol.asyncIterator]();
  const first = await iterator.next();
  prepareHead(response);
  response.writeHead(200, { ...NO_CACHE, "Content-Type": contentType });
  if (first.done === true) {
    response.end();
    return;
  }
  try {
    await pipeline(followedBy(first.value, iterator), response);
  } finally {
    // A client that has gone already is never written to: then nothing else would leave the stream.
    await iterator.return?.();
  }
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

async function* followedBy(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

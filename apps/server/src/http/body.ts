import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { HttpError } from "./http-error.ts";

/**
 * The bytes of a request body, inflated where the client has compressed it (`gzip`, `x-gzip`).
 * Throws `HttpError` 415 for other encodings, 413 past `maxBytes` of inflated data, 400 for damaged gzip.
 */
export function readBody(request: IncomingMessage, maxBytes: number | undefined): AsyncIterable<Uint8Array> {
  const encoding = request.headers["content-encoding"]?.toLowerCase() ?? "identity";
  // The request itself is not destroyed when its body is left: the answer still needs the connection.
  if (encoding === "identity") return limit(request, maxBytes, () => {});
  if (encoding !== "gzip" && encoding !== "x-gzip") {
    throw new HttpError(415, `Unsupported Content-Encoding: ${JSON.stringify(encoding)}`);
  }
  const inflated = inflate(request);
  return limit(inflated, maxBytes, () => inflated.destroy());
}

/** Inflates a body as it is read. Once it is left, damage in the rest of it is nobody's business. */
function inflate(request: IncomingMessage): Readable {
  const inflated = createGunzip();
  // Who still reads is told by the reading itself.
  inflated.on("error", () => {});
  inflated.once("close", () => request.unpipe(inflated));
  request.once("close", () => {
    if (!request.complete) inflated.destroy(new Error("the client went away"));
  });
  return request.pipe(inflated);
}

async function* limit(
  source: Readable,
  maxBytes = Number.POSITIVE_INFINITY,
  leave: () => void,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      total += chunk.length;
      if (total > maxBytes) throw new HttpError(413, `The request is larger than ${maxBytes} bytes`);
      yield chunk;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith("Z_") === true) {
      throw new HttpError(400, "The request body is not valid gzip");
    }
    throw error;
  } finally {
    leave();
  }
}

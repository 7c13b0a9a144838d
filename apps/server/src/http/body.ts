import type { IncomingMessage } from "node:http";
import { type Readable, pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { HttpError } from "./http-error.ts";

/**
 * The bytes of a request body, inflated where the client has compressed it (`gzip`, `x-gzip`).
 * Throws `HttpError` 415 for other encodings, 413 past `maxBytes` of inflated data, 400 for damaged gzip.
 */
export function readBody(request: IncomingMessage, maxBytes: number | undefined): AsyncIterable<Uint8Array> {
  const encoding = request.headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (encoding === "identity") return limit(request, maxBytes);
  if (encoding !== "gzip" && encoding !== "x-gzip") {
    throw new HttpError(415, `Unsupported Content-Encoding: ${JSON.stringify(encoding)}`);
  }
  const inflated = createGunzip();
  pipeline(request, inflated, () => {});
  return limit(inflated, maxBytes);
}

async function* limit(source: Readable, maxBytes = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
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
  }
}

import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { deflateObject } from "../inflate/deflate.ts";

const deflateAside: (content: Uint8Array) => Promise<Uint8Array> = promisify(deflate);

/** Above this size deflating takes long enough to be done off the event loop. */
const LARGE_BYTES = 128 * 1024;

/** Deflates content as git writes it, large content in libuv's thread pool; the result belongs to the caller. */
export function deflateContent(content: Uint8Array): Uint8Array | Promise<Uint8Array> {
  return content.length <= LARGE_BYTES ? deflateObject(content) : deflateAside(content);
}

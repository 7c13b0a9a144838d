import { promisify } from "node:util";
import { deflate, deflateSync } from "node:zlib";

const deflateAside: (content: Uint8Array) => Promise<Uint8Array> = promisify(deflate);

/** Above this size deflating takes long enough to be done off the event loop. */
const LARGE_BYTES = 128 * 1024;

/** Deflates an object's content as a zlib stream (RFC 1950) at zlib's default level, as git does; owned by the caller. */
export function deflateObject(content: Uint8Array): Uint8Array {
  return deflateSync(content);
}

/** As `deflateObject`, large content in libuv's thread pool. */
export function deflateContent(content: Uint8Array): Uint8Array | Promise<Uint8Array> {
  return content.length <= LARGE_BYTES ? deflateObject(content) : deflateAside(content);
}

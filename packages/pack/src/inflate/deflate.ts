import { deflateSync } from "node:zlib";

/** Deflates an object's content as a zlib stream (RFC 1950) at zlib's default level, as git does; owned by the caller. */
export function deflateObject(content: Uint8Array): Uint8Array {
  return deflateSync(content);
}

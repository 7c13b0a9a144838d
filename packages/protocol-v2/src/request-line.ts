import { clientError } from "./errors.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A packet's text without its trailing line feed (gitprotocol-common, "pkt-line Format").
 * Throws `PROTOCOL_BAD_REQUEST` where it is not UTF-8: a name that cannot be kept as it is must not become another.
 */
export function requestLine(bytes: Uint8Array): string {
  const end = bytes.length > 0 && bytes[bytes.length - 1] === 0x0a ? bytes.length - 1 : bytes.length;
  try {
    return decoder.decode(bytes.subarray(0, end));
  } catch (cause) {
    throw clientError("PROTOCOL_BAD_REQUEST", "request line is not UTF-8", cause);
  }
}

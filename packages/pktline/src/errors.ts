/** What can be wrong with a stream of packets; each code has a line in the README. */
export type PktlineErrorCode =
  /** The four bytes are not hex digits, or say 0003. */
  | "PKTLINE_BAD_LENGTH"
  /** A packet of more than 65,520 bytes, or than the bound that was set, on reading and on writing. */
  | "PKTLINE_TOO_LONG"
  /** The stream ended inside a packet, or before the flush that ends a sideband. */
  | "PKTLINE_TRUNCATED"
  /** The target has no room for the packet. */
  | "PKTLINE_NO_ROOM"
  /** A sideband packet with no band or another than 1, 2, 3, or a packet that no sideband has. */
  | "PKTLINE_BAD_BAND"
  /** The other side told on band 3 that it has failed. */
  | "PKTLINE_REMOTE_ERROR";

/** Where the fault lies, as far as it is known. */
export interface PktlineErrorDetail {
  readonly cause?: unknown;
  /** Bytes of the stream before the packet. */
  readonly offset?: number | undefined;
  /** The other side's own words, as they came: not for a terminal. */
  readonly remoteText?: string | undefined;
}

/** The one error class of this package; tell faults apart by `code`. Its message is safe to print. */
export class PktlineError extends Error {
  override readonly name = "PktlineError";
  readonly code: PktlineErrorCode;
  readonly offset: number | undefined;
  readonly remoteText: string | undefined;

  constructor(code: PktlineErrorCode, message: string, detail: PktlineErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.offset = detail.offset;
    this.remoteText = detail.remoteText;
  }
}

/** Bytes as an error may show them: printable ASCII as it is, the rest as `\xNN`. */
export function printableBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

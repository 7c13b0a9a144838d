const batchChars = 60 * 1024;
const lengthDigits = 4;

/**
 * Gathers pkt-lines into chunks of about 64 KiB, so that a long list costs a hop per chunk and not per line.
 * Implements gitprotocol-common, "pkt-line Format".
 */
export interface LineBatch {
  /** Adds one line, its line feed included. */
  add(text: string): void;
  /** Adds a packet that is encoded already, such as a flush. */
  addPacket(digits: "0000" | "0001"): void;
  readonly full: boolean;
  /** The bytes gathered so far, the receiver's to keep; the batch is empty afterwards. */
  take(): Uint8Array;
}

/** @param banded puts every line on band 1 (gitprotocol-v2, "sideband-all"). */
export function createLineBatch(banded = false): LineBatch {
  const band = banded ? "\u0001" : "";
  let gathered = "";
  return {
    add(text) {
      const length = Buffer.byteLength(text) + lengthDigits + band.length;
      gathered += length.toString(16).padStart(lengthDigits, "0") + band + text;
    },
    addPacket(digits) {
      gathered += digits;
    },
    get full() {
      return gathered.length >= batchChars;
    },
    take() {
      const bytes = new TextEncoder().encode(gathered);
      gathered = "";
      return bytes;
    },
  };
}

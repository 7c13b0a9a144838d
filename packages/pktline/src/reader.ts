import { createPktDecoder } from "./decoder.ts";
import type { PktLine } from "./packet.ts";
import { PktReaderOptions } from "./schema.ts";
import { openSource } from "./source.ts";

/** Packets out of a source of bytes, and the raw bytes that follow them. */
export interface PktReader extends AsyncDisposable {
  /**
   * The next packet; `undefined` where the source ends behind one. Its bytes are valid until the next read unless the
   * source gives its chunks away for good.
   * Throws `PKTLINE_BAD_LENGTH`, `PKTLINE_TOO_LONG`, `PKTLINE_TRUNCATED`, `signal.reason`, and what the source throws.
   */
  read(): Promise<PktLine | undefined>;
  /** The next packet if it has arrived already, without waiting. Throws as `read` does. */
  next(): PktLine | undefined;
  /** The bytes behind the last packet, to the end of the source; leaving early releases it. */
  rest(): AsyncIterable<Uint8Array>;
  /** Releases the source; the reader is at its end then. Disposing does the same. */
  cancel(): Promise<void>;
}

/**
 * Reads packets from `source`, which is pulled only while somebody waits for a packet.
 * @throws ZodError where the options are malformed.
 */
export function createPktReader(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: PktReaderOptions = {},
): PktReader {
  const { maxPacketBytes, signal } = PktReaderOptions.parse(options);
  const decoder = createPktDecoder({ maxPacketBytes });
  const bytes = openSource(source, signal);

  return {
    async read() {
      for (;;) {
        const packet = decoder.next();
        if (packet !== undefined) return packet;
        const chunk = await bytes.next();
        if (chunk === undefined) {
          decoder.end();
          return undefined;
        }
        decoder.push(chunk);
      }
    },
    next: () => decoder.next(),
    async *rest() {
      try {
        const buffered = decoder.rest();
        if (buffered.length > 0) yield buffered;
        for (;;) {
          const chunk = await bytes.next();
          if (chunk === undefined) return;
          yield chunk;
        }
      } finally {
        await bytes.release();
      }
    },
    cancel: () => bytes.release(),
    [Symbol.asyncDispose]: () => bytes.release(),
  };
}

import { PktlineError, printableBytes } from "../errors.ts";
import { createPktReader, type PktReader } from "../reader.ts";
import { DemuxOptions } from "../schema.ts";
import { readSideband } from "./decoder.ts";

/**
 * The data of band 1, up to and without the flush that ends it. The chunks belong to the receiver as far as the
 * source's do; empty packets are dropped.
 *
 * A reader stays open and stands behind the flush afterwards, or behind the last packet read; any other source is
 * released.
 *
 * @throws ZodError where the options are malformed; `PKTLINE_REMOTE_ERROR` with band 3's text, `PKTLINE_TRUNCATED` without a flush, `PKTLINE_BAD_BAND`, and as
 * `PktReader.read`.
 */
export async function* demuxSideband(
  source: PktReader | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: DemuxOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { onProgress, signal } = DemuxOptions.parse(options);
  const own = isReader(source) ? undefined : createPktReader(source, { signal });
  const reader = own ?? (source as PktReader);
  const progress = new TextDecoder();
  try {
    for (;;) {
      const packet = reader.next() ?? (await reader.read());
      if (packet === undefined) {
        throw new PktlineError("PKTLINE_TRUNCATED", "the stream ends inside a sideband, before its flush");
      }
      const event = readSideband(packet);
      if (event.type === "data") {
        if (event.bytes.length > 0) yield event.bytes;
      } else if (event.type === "progress") {
        const text = progress.decode(event.bytes, { stream: true });
        if (text.length > 0) onProgress?.(text);
      } else if (event.type === "flush") {
        return;
      } else if (event.type === "error") {
        const remoteText = new TextDecoder().decode(event.bytes);
        throw new PktlineError("PKTLINE_REMOTE_ERROR", `remote error: ${shown(event.bytes)}`, { remoteText });
      } else {
        throw new PktlineError("PKTLINE_BAD_BAND", `a ${event.type} packet inside a sideband`);
      }
    }
  } finally {
    await own?.cancel();
  }
}

function isReader(source: PktReader | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): source is PktReader {
  return !(Symbol.asyncIterator in source || Symbol.iterator in source);
}

/** At most so many bytes of a remote's words stand in a message. */
const SHOWN_BYTES = 1000;

function shown(text: Uint8Array): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === 0x0a || text[end - 1] === 0x0d)) end -= 1;
  return printableBytes(text.subarray(0, Math.min(end, SHOWN_BYTES)));
}

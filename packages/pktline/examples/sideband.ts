import {
  createPktReader,
  createProgressQueue,
  demuxSideband,
  FLUSH,
  muxSideband,
  pktLine,
  pktText,
} from "@millrace/pktline";

/** A server's answer to `fetch`: a line that names the section, then the pack on band 1 and progress on band 2. */
export async function* answer(pack: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const progress = createProgressQueue();
  progress.push("Sending the pack\n");
  yield pktLine("packfile\n");
  yield* muxSideband(pack, { progress, keepAliveMs: 5000 });
  yield FLUSH;
}

/** What a client makes of it. */
export async function readAnswer(source: AsyncIterable<Uint8Array>): Promise<string[]> {
  const seen: string[] = [];
  const reader = createPktReader(source);
  try {
    const section = await reader.read();
    if (section !== undefined) seen.push(pktText(section));
    const pack = demuxSideband(reader, { onProgress: (text) => void seen.push(`remote: ${text.trim()}`) });
    for await (const chunk of pack) seen.push(`${chunk.length} bytes of pack`);
    return seen;
  } finally {
    await reader.cancel();
  }
}

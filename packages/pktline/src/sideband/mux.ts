import { MuxOptions } from "../schema.ts";
import { openSource } from "../source.ts";
import { createBell } from "./bell.ts";
import { keepAlivePacket } from "./frame.ts";
import { createSidebandWriter } from "./writer.ts";

/**
 * Sends `source` on band 1, with progress and signs of life between, and no flush packet at the end.
 *
 * The source is pulled when everything before has been taken. The bytes depend on its bytes alone and on which texts
 * were pushed before which chunk; only the keep-alives depend on time. When the source throws, so does this, and data
 * that has not filled a packet is not sent: what to say on band 3 is the caller's to decide.
 *
 * @throws what the source throws, `signal.reason`; ZodError where the options are malformed.
 */
export async function* muxSideband(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: MuxOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { maxDataBytes, keepAliveMs = 0, keepAliveBand = 1, progress, signal } = MuxOptions.parse(options);
  const writer = createSidebandWriter({ maxDataBytes });
  const bytes = openSource(source, signal);
  const bell = createBell(keepAliveMs);
  progress?.notify(() => bell.ring());
  try {
    for (;;) {
      let arrived = false;
      const pulled = bytes.next().finally(() => {
        arrived = true;
        bell.ring();
      });
      // Heard here, thrown below: packets may be waiting to be taken meanwhile.
      pulled.catch(() => {});
      do {
        const waking = await bell.wait();
        if (waking === "silent") yield keepAlivePacket(keepAliveBand);
        for (let text = progress?.shift(); text !== undefined; text = progress?.shift())
          writer.progress(text);
        const packets = writer.take();
        for (const packet of packets) yield packet;
        if (waking === "silent" || packets.length > 0) bell.spoke();
      } while (!arrived);

      const chunk = await pulled;
      if (chunk === undefined) break;
      writer.write(chunk);
      const packets = writer.take();
      for (const packet of packets) yield packet;
      if (packets.length > 0) bell.spoke();
    }
    writer.flush();
    for (const packet of writer.take()) yield packet;
  } finally {
    progress?.notify(undefined);
    bell.close();
    await bytes.release();
  }
}

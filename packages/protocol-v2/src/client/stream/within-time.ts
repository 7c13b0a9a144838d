import type { Readable } from "node:stream";
import { ProtocolError } from "../../errors.ts";

/**
 * The chunks of a stream, as long as the next one comes in time. Leaving destroys the stream.
 * @throws `PROTOCOL_TIMEOUT` behind `timeoutMs` of silence while somebody waits; 0 waits for ever.
 */
export async function* withinTime(
  stream: Readable,
  timeoutMs: number,
  address: string,
): AsyncGenerator<Uint8Array> {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const timer =
        timeoutMs === 0
          ? undefined
          : setTimeout(() => {
              stream.destroy(
                new ProtocolError("PROTOCOL_TIMEOUT", `${address} did not answer in time`, {
                  transient: true,
                }),
              );
            }, timeoutMs);
      const next = await iterator.next().finally(() => clearTimeout(timer));
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

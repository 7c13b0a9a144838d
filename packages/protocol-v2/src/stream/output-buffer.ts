const maxBufferedBytes = 256 * 1024;

/** What an output buffer tells of its two ends. */
export interface OutputBufferEvents {
  /** The reader has left before the end. */
  onLeave(): void;
  /** The source has ended, in whatever way. */
  onEnd(): void;
}

/**
 * Runs `source` ahead of its reader by up to 256 KiB and a chunk. What the source throws the reader gets, behind the
 * chunks before it. Read once.
 */
export function createOutputBuffer(
  source: AsyncIterable<Uint8Array>,
  events: OutputBufferEvents,
): AsyncIterable<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bufferedBytes = 0;
  let left = false;
  let ended = false;
  let failure: { readonly reason: unknown } | undefined;
  let wakeReader: (() => void) | undefined;
  let wakeSource: (() => void) | undefined;

  const pump = async (): Promise<void> => {
    try {
      for await (const chunk of source) {
        if (left) break;
        chunks.push(chunk);
        bufferedBytes += chunk.length;
        wakeReader?.();
        while (bufferedBytes >= maxBufferedBytes && !left) {
          await new Promise<void>((resolve) => {
            wakeSource = resolve;
          });
        }
      }
    } catch (reason) {
      failure = { reason };
    } finally {
      ended = true;
      wakeReader?.();
      events.onEnd();
    }
  };
  const pumped = pump();

  const iterator: AsyncIterator<Uint8Array, undefined> = {
    async next() {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) {
          bufferedBytes -= chunk.length;
          wakeSource?.();
          return { done: false, value: chunk };
        }
        if (ended) {
          if (failure !== undefined && !left) throw failure.reason;
          return { done: true, value: undefined };
        }
        await new Promise<void>((resolve) => {
          wakeReader = resolve;
        });
      }
    },
    async return() {
      left = true;
      chunks.length = 0;
      if (!ended) events.onLeave();
      wakeSource?.();
      await pumped;
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

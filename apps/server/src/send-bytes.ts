import type { Writable } from "node:stream";
import type { ChunkPool } from "@millrace/protocol-v2";

/** With so much on its way to the system the next chunk is not asked for. */
const MAX_UNSENT_BYTES = 64 * 1024;

export interface SendOptions {
  /** Where the chunks' buffers may come from: they go back there as soon as their bytes have gone to the system. */
  readonly chunks: ChunkPool;
  /** Whether the target ends with the chunks. */
  readonly end: boolean;
}

/**
 * Writes chunks as fast as the other side reads, and resolves when all have gone to the system. Throws what the chunks
 * throw, and where the target fails or closes early. Leaves the chunks in any case.
 *
 * Not `pipeline`, which never tells when the bytes of a chunk are read no more.
 */
export async function sendBytes(
  bytes: AsyncIterator<Uint8Array>,
  target: Writable,
  { chunks, end }: SendOptions,
): Promise<void> {
  let unsentBytes = 0;
  let isOver = false;
  let fault: Error | undefined;
  /** Ends the wait for the target; there is at most one. */
  let wake: (() => void) | undefined;

  const fail = (error: Error): void => {
    fault ??= error;
    wake?.();
  };
  const onClose = (): void => {
    // A target that closes when all is sent does so in good order.
    if (unsentBytes > 0 || !isOver) fail(new Error("the other side has gone"));
  };
  const write = (chunk: Uint8Array): void => {
    unsentBytes += chunk.length;
    target.write(chunk, (error) => {
      if (error) return fail(error);
      unsentBytes -= chunk.length;
      chunks.give(chunk);
      wake?.();
    });
  };
  const untilUnsent = async (maxBytes: number): Promise<void> => {
    while (unsentBytes > maxBytes) {
      if (fault !== undefined) throw fault;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };

  target.once("error", fail).once("close", onClose);
  try {
    if (target.destroyed) onClose();
    for (let next = await bytes.next(); next.done !== true; next = await bytes.next()) {
      if (fault !== undefined) throw fault;
      write(next.value);
      await untilUnsent(MAX_UNSENT_BYTES);
    }
    isOver = true;
    if (end) {
      unsentBytes++;
      target.end(() => {
        unsentBytes--;
        wake?.();
      });
    }
    await untilUnsent(0);
  } finally {
    target.off("error", fail).off("close", onClose);
    await bytes.return?.();
  }
}

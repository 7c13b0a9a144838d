import { ProtocolError } from "../errors.ts";
import type { ReceivePackHost } from "../host.ts";
import type { ReceivePackOptions } from "../schema.ts";
import { createByteHandover } from "../stream/byte-handover.ts";
import { linkAbort } from "../stream/linked-abort.ts";
import { createOutputBuffer } from "../stream/output-buffer.ts";
import { serveReceivePack } from "./serve.ts";

/** A push whose bytes are handed in, for callers that are called with chunks. */
export interface ReceivePackSession {
  /**
   * Hands in the client's next bytes, which are the push's from then on. Settles when they have been taken; at once
   * where the push is over and wants no more. Throws the reason of an abort.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** The client's bytes have ended. Settles at once; the push is over when `output` is. */
  end(): Promise<void>;
  /** Gives the push up: writes and `output` throw `reason`. */
  abort(reason: unknown): void;
  /** The answer, read once. The push runs up to 256 KiB ahead of its reader; leaving it gives the push up. */
  readonly output: AsyncIterable<Uint8Array>;
}

/** Begins to serve a push at once; see `serveReceivePack` for what it answers and throws. */
export function openReceivePack(host: ReceivePackHost, options: ReceivePackOptions = {}): ReceivePackSession {
  const input = createByteHandover();
  const stop = linkAbort(options.signal);
  const fail = (): void => input.fail(stop.signal.reason);
  if (stop.signal.aborted) fail();
  else stop.signal.addEventListener("abort", fail, { once: true });

  const output = createOutputBuffer(
    serveReceivePack(host, input.source, { ...options, signal: stop.signal }),
    {
      onLeave: () => stop.abort(new ProtocolError("PROTOCOL_ABORTED", "the answer is no longer read")),
      onEnd() {
        stop.signal.removeEventListener("abort", fail);
        stop.release();
      },
    },
  );
  return {
    write: (chunk) => input.write(chunk),
    async end() {
      input.end();
    },
    abort: (reason) => stop.abort(reason),
    output,
  };
}

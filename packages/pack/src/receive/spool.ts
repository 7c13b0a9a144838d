import type { PackSink } from "../random-access.ts";

/** Gathers small writes, so that a sink is not called for every few bytes. */
export interface Spool {
  /** Bytes accepted so far. */
  readonly sizeBytes: number;
  /** Appends bytes; they are the caller's again when the promise settles, or at once where there is none. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Hands everything gathered to the sink. */
  flush(): Promise<void>;
}

const BUFFER_BYTES = 256 * 1024;

/** Makes a spool in front of `sink`. */
export function createSpool(sink: PackSink): Spool {
  let buffer: Uint8Array | undefined;
  let used = 0;
  let sizeBytes = 0;

  async function flush(): Promise<void> {
    if (used === 0 || buffer === undefined) return;
    const full = buffer.subarray(0, used);
    used = 0;
    await sink.write(full);
  }

  async function writeThrough(bytes: Uint8Array): Promise<void> {
    await flush();
    if (bytes.length >= BUFFER_BYTES / 4) await sink.write(bytes);
    else keep(bytes);
  }

  function keep(bytes: Uint8Array): void {
    buffer ??= new Uint8Array(BUFFER_BYTES);
    buffer.set(bytes, used);
    used += bytes.length;
  }

  return {
    get sizeBytes() {
      return sizeBytes;
    },
    write(bytes) {
      if (bytes.length === 0) return undefined;
      sizeBytes += bytes.length;
      if (bytes.length >= BUFFER_BYTES / 4 || used + bytes.length > BUFFER_BYTES) return writeThrough(bytes);
      keep(bytes);
      return undefined;
    },
    flush,
  };
}

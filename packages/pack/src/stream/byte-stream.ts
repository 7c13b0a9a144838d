/** Bytes that come in order and are put where they are wanted. Read once; disposing it leaves it early. */
export interface ByteReader extends AsyncDisposable {
  /**
   * Puts the next bytes into `targets`, one behind the other, and answers how many: fewer than there is room for only
   * where they end, 0 behind the end. One call at a time; however it settles, nothing writes to the targets afterwards.
   */
  readInto(targets: readonly Uint8Array[]): Promise<number>;
}

/** A stream that is read in one of two ways: chunk by chunk, or into given places, where who frames its bytes need not copy them. */
export interface ByteStream extends AsyncIterable<Uint8Array>, ByteReader {}

/** What a reader gives, in chunks of `chunkBytes` that belong to the receiver; leaving the loop disposes of the reader. */
export async function* chunksOf(
  reader: ByteReader,
  chunkBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (;;) {
      const chunk = new Uint8Array(chunkBytes);
      const filled = await reader.readInto([chunk]);
      if (filled > 0) yield filled === chunkBytes ? chunk : chunk.slice(0, filled);
      if (filled < chunkBytes) return;
    }
  } finally {
    await reader[Symbol.asyncDispose]();
  }
}

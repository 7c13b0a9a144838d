import type { ByteReader, ByteStream } from "@millrace/pack";

/** A stream of chunks as a reader, which copies them; a stream that can fill places by itself is answered as it is. */
export function toByteReader(source: AsyncIterable<Uint8Array> | ByteStream): ByteReader {
  if ("readInto" in source) return source;
  const iterator = source[Symbol.asyncIterator]();
  let chunk: Uint8Array | undefined;
  let at = 0;
  let isOver = false;

  /** Copies what is left of the chunk into `target`, from `used` on; answers how much that was. */
  const copy = (target: Uint8Array, used: number, from: Uint8Array): number => {
    const length = Math.min(target.length - used, from.length - at);
    target.set(from.subarray(at, at + length), used);
    at += length;
    if (at === from.length) chunk = undefined;
    return length;
  };

  return {
    async readInto(targets) {
      let filled = 0;
      for (const target of targets) {
        for (let used = 0; used < target.length; ) {
          if (chunk === undefined) {
            const next = isOver ? undefined : await iterator.next();
            if (next === undefined || next.done === true) {
              isOver = true;
              return filled + used;
            }
            chunk = next.value;
            at = 0;
          }
          used += copy(target, used, chunk);
        }
        filled += target.length;
      }
      return filled;
    },
    async [Symbol.asyncDispose]() {
      if (!isOver) await iterator.return?.();
      isOver = true;
    },
  };
}

/** A source of chunks that is pulled one at a time and can be let go of. */
export interface Source {
  /** The next chunk, `undefined` at the end and after `release`. Throws `signal.reason`, and what the source throws. */
  next(): Promise<Uint8Array | undefined>;
  /** Lets the source go. Where it is still busy with a chunk, nobody waits for that. */
  release(): Promise<void>;
}

export function openSource(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Source {
  const iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array> =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let over = false;
  let busy = false;

  const pull = async (): Promise<Uint8Array | undefined> => {
    busy = true;
    try {
      const result = await iterator.next();
      if (result.done !== true) return result.value;
      over = true;
      return undefined;
    } catch (error) {
      over = true;
      throw error;
    } finally {
      busy = false;
    }
  };

  return {
    async next() {
      signal?.throwIfAborted();
      if (over) return undefined;
      return signal === undefined ? await pull() : await unlessAborted(pull(), signal);
    },
    async release() {
      if (over) return;
      over = true;
      const returned = Promise.resolve(iterator.return?.());
      if (busy) returned.catch(() => {});
      else await returned;
    },
  };
}

/** The promise's outcome, or the signal's reason if that comes first; the loser's error is heard and dropped. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

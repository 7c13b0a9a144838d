/**
 * Passes chunks on until the source ends or `signal` aborts; then throws `signal.reason` without waiting for a chunk
 * that may never come. Leaves the source (`return`) in every case.
 */
export async function* abortable<T>(
  source: AsyncIterable<T> | Iterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  signal.throwIfAborted();
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let rejectNext: ((reason: unknown) => void) | undefined;
  const stop = (): void => rejectNext?.(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  let isOpen = true;
  try {
    for (;;) {
      const result = await new Promise<IteratorResult<T>>((resolve, reject) => {
        rejectNext = reject;
        if (signal.aborted) reject(signal.reason);
        else Promise.resolve(iterator.next()).then(resolve, reject);
      });
      if (result.done === true) {
        isOpen = false;
        return;
      }
      yield result.value;
    }
  } catch (error) {
    // A source that failed by itself has left already.
    if (!signal.aborted) isOpen = false;
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    if (isOpen) {
      const left = Promise.resolve(iterator.return?.());
      if (signal.aborted) left.catch(() => undefined);
      else await left;
    }
  }
}

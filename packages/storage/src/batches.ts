/**
 * Items one by one out of batches, without a turn of an async generator for each: what is left of a batch is handed
 * out at once. Leaving the loop early ends the source.
 */
export function flattenBatches<T>(source: AsyncIterable<readonly T[]>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator](): AsyncIterator<T> {
      const batches = source[Symbol.asyncIterator]();
      let batch: readonly T[] = [];
      let next = 0;
      const pull = async (): Promise<IteratorResult<T>> => {
        for (;;) {
          const result = await batches.next();
          if (result.done === true) return { done: true, value: undefined };
          batch = result.value;
          next = 0;
          if (batch.length > 0) return { done: false, value: batch[next++] as T };
        }
      };
      return {
        next: () =>
          next < batch.length ? Promise.resolve({ done: false, value: batch[next++] as T }) : pull(),
        return: async () => {
          batch = [];
          await batches.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

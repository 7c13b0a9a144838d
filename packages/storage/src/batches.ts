import type { ObjectFormat } from "@millrace/pack";
import type { Ref } from "./contract.ts";
import { type RefBatch, refsOf } from "./ref-lines.ts";

/** The refs of a listing one by one. */
export function eachRef(batches: AsyncIterable<RefBatch>, format: ObjectFormat): AsyncIterable<Ref> {
  return flattenBatches(batches, (batch) => refsOf(batch, format));
}

/**
 * Items one by one out of batches, without a turn of an async generator for each: what is left of a batch is handed
 * out at once. Leaving the loop early ends the source.
 */
export function flattenBatches<B, T>(
  source: AsyncIterable<B>,
  itemsOf: (batch: B) => readonly T[],
): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator](): AsyncIterator<T> {
      const batches = source[Symbol.asyncIterator]();
      let batch: readonly T[] = [];
      let next = 0;
      const pull = async (): Promise<IteratorResult<T>> => {
        for (;;) {
          const result = await batches.next();
          if (result.done === true) return { done: true, value: undefined };
          batch = itemsOf(result.value);
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

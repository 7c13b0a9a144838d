import type { FetchOptions, ObjectSource } from "../../src/index.ts";

/** A source that counts what it is asked, and can be held up. */
export interface CountingSource extends ObjectSource {
  readonly requests: (readonly string[])[];
  /** Every fetch waits for this before it begins. */
  gate: Promise<unknown>;
}

export function countRequests(source: ObjectSource): CountingSource {
  const requests: (readonly string[])[] = [];
  const counting: CountingSource = {
    ...source,
    requests,
    gate: Promise.resolve(),
    async fetch(wants: readonly string[], options?: FetchOptions) {
      requests.push(wants);
      await counting.gate;
      options?.signal?.throwIfAborted();
      return source.fetch(wants, options);
    },
    fetchPack:
      source.fetchPack === undefined
        ? undefined
        : async (wants, options) => {
            requests.push(wants);
            await counting.gate;
            options?.signal?.throwIfAborted();
            return source.fetchPack?.(wants, options);
          },
  };
  return counting;
}

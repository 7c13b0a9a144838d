/** Bytes handed from one who writes to one who reads, without a copy in between. */
export interface ByteHandover {
  /** Read once. Leaving it makes every write settle. */
  readonly source: AsyncIterable<Uint8Array>;
  /** Settles when the reader has come back for more, or wants no more; throws what `fail` was given. */
  write(chunk: Uint8Array): Promise<void>;
  /** No more will be written. Settles as `write` does. */
  end(): Promise<void>;
  /** Makes every write throw `reason`, now and later. */
  fail(reason: unknown): void;
}

interface Entry {
  /** `undefined` is the end. */
  readonly chunk: Uint8Array | undefined;
  readonly settle: () => void;
  readonly reject: (reason: unknown) => void;
}

export function createByteHandover(): ByteHandover {
  const waiting: Entry[] = [];
  let taken: Entry | undefined;
  let reader: ((result: IteratorResult<Uint8Array, undefined>) => void) | undefined;
  let closed = false;
  let failure: { readonly reason: unknown } | undefined;

  const take = (entry: Entry): IteratorResult<Uint8Array, undefined> => {
    if (entry.chunk === undefined) {
      closed = true;
      entry.settle();
      return { done: true, value: undefined };
    }
    taken = entry;
    return { done: false, value: entry.chunk };
  };

  const hand = (chunk: Uint8Array | undefined): Promise<void> =>
    new Promise<void>((settle, reject) => {
      if (failure !== undefined) return reject(failure.reason);
      if (closed || chunk?.length === 0) return settle();
      const entry: Entry = { chunk, settle, reject };
      if (reader === undefined) {
        waiting.push(entry);
        return;
      }
      const give = reader;
      reader = undefined;
      give(take(entry));
    });

  const close = (each: (entry: Entry) => void): void => {
    closed = true;
    if (taken !== undefined) each(taken);
    taken = undefined;
    for (const entry of waiting.splice(0)) each(entry);
    reader?.({ done: true, value: undefined });
    reader = undefined;
  };

  const iterator: AsyncIterator<Uint8Array, undefined> = {
    next() {
      taken?.settle();
      taken = undefined;
      if (closed) return Promise.resolve({ done: true, value: undefined });
      const entry = waiting.shift();
      if (entry !== undefined) return Promise.resolve(take(entry));
      return new Promise((resolve) => {
        reader = resolve;
      });
    },
    return() {
      close((entry) => entry.settle());
      return Promise.resolve({ done: true, value: undefined });
    },
  };

  return {
    source: { [Symbol.asyncIterator]: () => iterator },
    write: (chunk) => hand(chunk),
    end: () => hand(undefined),
    fail(reason) {
      failure ??= { reason };
      close((entry) => entry.reject(reason));
    },
  };
}

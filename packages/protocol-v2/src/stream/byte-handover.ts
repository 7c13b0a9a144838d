/** Bytes handed from one who writes to one who reads, without a copy in between. */
export interface ByteHandover {
  /** Read once. Leaving it makes every write settle. */
  readonly source: AsyncIterable<Uint8Array>;
  /** Settles when the reader has taken the chunk, which is the reader's from then on, or wants no more. Throws what `fail` was given. */
  write(chunk: Uint8Array): Promise<void>;
  /** No more will be written. */
  end(): void;
  /** Makes every write throw `reason`, now and later. */
  fail(reason: unknown): void;
}

type Result = IteratorResult<Uint8Array, undefined>;

interface Waiting {
  readonly chunk: Uint8Array;
  readonly settle: () => void;
  readonly reject: (reason: unknown) => void;
}

const over: Result = { done: true, value: undefined };

export function createByteHandover(): ByteHandover {
  const waiting: Waiting[] = [];
  let reader: ((result: Result) => void) | undefined;
  let ended = false;
  let closed = false;
  let failure: { readonly reason: unknown } | undefined;

  const close = (each: (entry: Waiting) => void): void => {
    closed = true;
    for (const entry of waiting.splice(0)) each(entry);
    reader?.(over);
    reader = undefined;
  };

  const iterator: AsyncIterator<Uint8Array, undefined> = {
    next() {
      const entry = waiting.shift();
      if (entry !== undefined) {
        entry.settle();
        return Promise.resolve({ done: false, value: entry.chunk });
      }
      if (ended || closed) return Promise.resolve(over);
      return new Promise((resolve) => {
        reader = resolve;
      });
    },
    return() {
      close((entry) => entry.settle());
      return Promise.resolve(over);
    },
  };

  return {
    source: { [Symbol.asyncIterator]: () => iterator },
    write: (chunk) =>
      new Promise<void>((settle, reject) => {
        if (failure !== undefined) return reject(failure.reason);
        if (ended || closed || chunk.length === 0) return settle();
        if (reader === undefined) {
          waiting.push({ chunk, settle, reject });
          return;
        }
        reader({ done: false, value: chunk });
        reader = undefined;
        settle();
      }),
    end() {
      ended = true;
      reader?.(over);
      reader = undefined;
    },
    fail(reason) {
      failure ??= { reason };
      close((entry) => entry.reject(reason));
    },
  };
}

/** Bytes as every service takes them. */
export type ByteSource = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** A source that can be left at any time, also while it is waited for. */
export interface AbortableSource {
  /** The next chunk; `undefined` at the end. Throws the signal's reason once it is aborted. */
  next(): Promise<Uint8Array | undefined>;
  /**
   * Releases the source. A source that is still being waited for is asked to end but not waited for: a socket may be
   * silent for ever.
   */
  release(): Promise<void>;
  /** Whether the source itself threw. */
  readonly failed: boolean;
}

export function openSource(source: ByteSource, signal: AbortSignal): AbortableSource {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let pending: Promise<unknown> | undefined;
  let ended = false;
  let failed = false;
  let rejectPending: ((reason: unknown) => void) | undefined;
  const onAbort = (): void => rejectPending?.(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });

  return {
    get failed() {
      return failed;
    },
    async next() {
      signal.throwIfAborted();
      if (ended) return undefined;
      try {
        const answer = Promise.resolve(iterator.next());
        pending = answer;
        const result = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
          rejectPending = reject;
          answer.then(resolve, reject);
        });
        if (result.done === true) {
          ended = true;
          return undefined;
        }
        return result.value;
      } catch (error) {
        if (!signal.aborted) {
          ended = true;
          failed = true;
        }
        throw error;
      } finally {
        if (!signal.aborted) pending = undefined;
        rejectPending = undefined;
      }
    },
    async release() {
      signal.removeEventListener("abort", onAbort);
      if (ended) return;
      ended = true;
      const returned = Promise.resolve(iterator.return?.()).catch(() => undefined);
      if (pending === undefined) await returned;
    },
  };
}

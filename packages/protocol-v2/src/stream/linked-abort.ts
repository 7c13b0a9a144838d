/** A signal that ends with another one, or on its own. */
export interface LinkedAbort {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Lets go of the outer signal. */
  release(): void;
}

/** Throws nothing; an outer signal that has ended already ends this one at once. */
export function linkAbort(outer: AbortSignal | undefined): LinkedAbort {
  const own = new AbortController();
  const follow = (): void => own.abort(outer?.reason);
  if (outer?.aborted === true) follow();
  else outer?.addEventListener("abort", follow, { once: true });
  return {
    signal: own.signal,
    abort: (reason) => own.abort(reason),
    release: () => outer?.removeEventListener("abort", follow),
  };
}

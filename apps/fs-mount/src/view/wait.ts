import { setMaxListeners } from "node:events";
import type { Answer } from "./view.ts";

/** Goes on with an answer, at once where it is here. */
export function whenHere<T, R>(answer: Answer<T>, goOn: (value: T) => Answer<R>): Answer<R> {
  return answer instanceof Promise ? answer.then(goOn) : goOn(answer);
}

/**
 * Waits for what goes on anyway, for as long as `signal` lets it: who leaves ends nothing for others.
 * Throws `signal.reason`, and what the promise rejects with.
 */
export async function waitFor<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  setMaxListeners(0, signal);
  let leave: () => void = () => undefined;
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason as Error);
    signal.addEventListener("abort", leave, { once: true });
  });
  try {
    return await Promise.race([promise, left]);
  } finally {
    signal.removeEventListener("abort", leave);
    promise.catch(() => undefined);
  }
}

import { getSystemErrorName } from "node:util";

/** What LMDB says of a commit that failed comes a moment later than that it has; so long is waited for it, in milliseconds. */
const REASON_MS = 1000;

/** The system's error behind that of a commit that failed, with its name as `code`, as `node:fs` would have it. */
export async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { readonly commitError?: Promise<unknown> | undefined };
  if (commitError === undefined) return error;
  const late = new Promise((resolve) => setTimeout(resolve, REASON_MS, error).unref());
  const reason = await Promise.race([commitError.catch((cause: unknown) => cause), late]);
  const { code, message } = reason as { readonly code?: unknown; readonly message?: string };
  if (typeof code !== "number" || code <= 0) return reason;
  return Object.assign(new Error(message, { cause: error }), { code: getSystemErrorName(-code) });
}

/** Told each promise that a batch of LMDB gives for its parts: who waits for the batch hears of it, and nobody of these. */
export function createDeafness(): (written: PromiseLike<unknown>) => void {
  let last: PromiseLike<unknown> | undefined;
  return (written) => {
    // Most parts have the same one.
    if (written === last) return;
    last = written;
    written.then(undefined, () => undefined);
  };
}
